/* NumPy's memory as csrc/fence.h has the engine's: each array ends where a forbidden page begins, or with HOOKLOOP_FENCE=before
 * begins behind one. For tests/behind_fences.py, which compiles it. */
#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#define NPY_TARGET_VERSION NPY_2_0_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, MOST_KEPT = 4000 };

static bool before;
static char *kept[MOST_KEPT]; /* data pages of freed arrays of at most one page: mapping costs more than most tests' arithmetic */
static int n_kept;

static size_t pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }
static size_t start(size_t bytes) { return before ? 0 : pages(bytes) - bytes; }
static char *first_page(void *data) { return (char *)((uintptr_t)data / PAGE * PAGE); }

static size_t size_of(void *data) {
    char *header = first_page(data) - PAGE;
    mprotect(header, PAGE, PROT_READ);
    const size_t bytes = *(size_t *)header;
    mprotect(header, PAGE, PROT_NONE);
    return bytes;
}

static char *new_pages(size_t bytes) {
    char *block = mmap(NULL, bytes + 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block == MAP_FAILED) return NULL;
    *(size_t *)block = bytes;
    mprotect(block, PAGE, PROT_NONE);
    mprotect(block + PAGE + bytes, PAGE, PROT_NONE);
    return block + PAGE;
}

static void *fenced(void *context, size_t bytes) {
    (void)context;
    if (!bytes) bytes = 1;
    char *page = pages(bytes) == PAGE && n_kept ? kept[--n_kept] : new_pages(pages(bytes));
    return page ? memset(page + start(bytes), 0xff, bytes) : NULL;
}

static void *fenced_zeros(void *context, size_t count, size_t size) {
    void *data = size && count > SIZE_MAX / 2 / size ? NULL : fenced(context, count * size);
    return data ? memset(data, 0, count * size) : NULL;
}

static void drop(void *context, void *data, size_t bytes) {
    (void)context;
    if (!data) return;
    if (!bytes) bytes = 1;
    char *page = first_page(data);
    if (pages(bytes) == PAGE && n_kept < MOST_KEPT) {
        memset(data, 0xfe, bytes);
        kept[n_kept++] = page;
    } else munmap(page - PAGE, pages(bytes) + 2 * PAGE);
}

/* NumPy does not tell the old size: the pages' stands in the one before them. */
static void *fenced_again(void *context, void *data, size_t bytes) {
    char *fresh = fenced(context, bytes);
    if (!fresh || !data) return fresh;
    const size_t old = size_of(data) - (size_t)((char *)data - first_page(data));
    memcpy(fresh, data, old < bytes ? old : bytes);
    drop(context, data, old);
    return fresh;
}

static PyDataMem_Handler handler = {"fence", 1, {NULL, fenced, fenced_zeros, fenced_again, drop}};

static PyObject *install(PyObject *module, PyObject *none) {
    (void)module, (void)none;
    const char *side = getenv("HOOKLOOP_FENCE");
    before = side && !strcmp(side, "before");
    PyObject *capsule = PyCapsule_New(&handler, "mem_handler", NULL);
    PyObject *old = capsule ? PyDataMem_SetHandler(capsule) : NULL;
    Py_XDECREF(capsule);
    return old;
}

static PyMethodDef methods[] = {{"install", install, METH_NOARGS, "Arrays that this thread makes from now on lie behind fences."}, {0}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "numpy_fence", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_numpy_fence(void) {
    import_array();
    return PyModule_Create(&definition);
}
