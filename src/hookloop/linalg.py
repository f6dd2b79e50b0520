"""`tf.linalg`: TensorFlow's other name for linear algebra."""

from .namespace import attributes

__getattr__, __dir__ = attributes(
    __name__,
    """cholesky cholesky_solve cross einsum eye global_norm matmul matrix_transpose norm qr svd
    tensordot trace""",
    {
        "adjoint": "ops.decompositions.adjoint",
        "band_part": "matrix_band_part",
        "det": "matrix_determinant",
        "diag": "matrix_diag",
        "diag_part": "matrix_diag_part",
        "eigh": "self_adjoint_eig",
        "eigvalsh": "self_adjoint_eigvals",
        "inv": "matrix_inverse",
        "l2_normalize": "nn.l2_normalize",
        "set_diag": "matrix_set_diag",
        "expm": "ops.matrix_functions.matrix_exponential",
        "logm": "ops.matrix_functions.matrix_logarithm",
        "lu": "ops.matrix_functions.lu",
        "matrix_rank": "ops.matrix_functions.matrix_rank",
        "pinv": "ops.matrix_functions.pinv",
        "sqrtm": "ops.matrix_functions.matrix_square_root",
        "logdet": "ops.decompositions.logdet",
        "slogdet": "ops.decompositions.slogdet",
        "solve": "matrix_solve",
        "tensor_diag": "diag",
        "transpose": "matrix_transpose",
        "tensor_diag_part": "diag_part",
        "lstsq": "matrix_solve_ls",
        "matvec": "ops.linalg.matvec",
        "normalize": "ops.linalg.normalize",
        "tridiagonal_matmul": "ops.tridiagonal.tridiagonal_matmul",
        "tridiagonal_solve": "ops.tridiagonal.tridiagonal_solve",
        "triangular_solve": "matrix_triangular_solve",
    },
)
