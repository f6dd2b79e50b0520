/* A native hook in C, as a Python extension module: the running mean of a loss, and a stop where it is low enough.
 *
 *     hook = running_mean.make(goal)      the capsule for hookloop.train.NativeHook
 *     running_mean.mean(hook)             the mean so far
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <hookloop.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct state {
    double sum, goal;
    int64_t count;
} state;

static int32_t after_step(hl_hook_ctx *ctx, void *user_data) {
    state *s = user_data;
    if (ctx->n_fetches != 1 || ctx->fetches[0].dtype != HL_HOOK_FLOAT32 || ctx->fetches[0].size != 1) {
        snprintf(ctx->error, (size_t)ctx->error_size, "expected one float32 scalar");
        return -1;
    }
    s->sum += *(const float *)ctx->fetches[0].data;
    s->count++;
    return s->sum / (double)s->count < s->goal ? HL_HOOK_STOP : HL_HOOK_CONTINUE;
}

static void drop(PyObject *capsule) { free(PyCapsule_GetContext(capsule)); }

static PyObject *make(PyObject *module, PyObject *goal) {
    (void)module;
    state *s = calloc(1, sizeof(state));
    if (!s) return PyErr_NoMemory();
    s->goal = PyFloat_AsDouble(goal);
    PyObject *capsule = PyErr_Occurred() ? NULL : PyCapsule_New((void *)after_step, HOOKLOOP_HOOK_CAPSULE, drop);
    if (!capsule || PyCapsule_SetContext(capsule, s)) {
        free(s);
        return NULL;
    }
    return capsule;
}

static PyObject *mean(PyObject *module, PyObject *capsule) {
    (void)module;
    if (!PyCapsule_IsValid(capsule, HOOKLOOP_HOOK_CAPSULE)) return PyErr_Format(PyExc_TypeError, "expected a hook of make()");
    const state *s = PyCapsule_GetContext(capsule);
    return PyFloat_FromDouble(s->count ? s->sum / (double)s->count : 0);
}

static PyMethodDef methods[] = {
    {"make", make, METH_O, "make(goal): a hook that stops once the running mean is below the goal."},
    {"mean", mean, METH_O, "mean(hook): the running mean."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "running_mean", "A native hook in C.", -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_running_mean(void) { return PyModule_Create(&module); }
