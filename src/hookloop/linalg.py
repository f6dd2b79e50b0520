"""`tf.linalg`: TensorFlow's other name for linear algebra."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    """cholesky cholesky_solve cross diag diag_part einsum eye global_norm matmul matrix_transpose norm qr svd
    tensordot trace transpose""",
    {
        "band_part": "matrix_band_part",
        "det": "matrix_determinant",
        "eigh": "self_adjoint_eig",
        "eigvalsh": "self_adjoint_eigvals",
        "inv": "matrix_inverse",
        "l2_normalize": "nn.l2_normalize",
        "set_diag": "matrix_set_diag",
        "solve": "matrix_solve",
        "lstsq": "matrix_solve_ls",
        "matvec": "ops.linalg.matvec",
        "normalize": "ops.linalg.normalize",
        "triangular_solve": "matrix_triangular_solve",
    },
)
