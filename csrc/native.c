/* Native hooks: the context that their functions are called with. */
#include "native.h"

void hl_native_view(hl_hook_tensor *view, const hl_tensor *tensor) {
    *view = (hl_hook_tensor){tensor->data, tensor->dims, tensor->size, tensor->rank, tensor->dtype};
}

int32_t hl_native_call(hl_native *native, int64_t step, int64_t global_step) {
    native->error[0] = 0;
    hl_hook_ctx ctx = {
        .abi_version = HOOKLOOP_ABI_VERSION, .struct_size = sizeof(ctx), .step = step, .global_step = global_step,
        .phase = HL_HOOK_AFTER_RUN, .n_fetches = native->n_fetches, .fetches = native->fetches,
        .error = native->error, .error_size = sizeof(native->error),
    };
    native->in_call = true;
    native->result = native->fn(&ctx, native->user_data);
    native->in_call = false;
    native->error[sizeof(native->error) - 1] = 0;
    return native->result;
}
