//===- FakeModel.c - a compiled model, written by hand --------------------===//
//
// y[n, 4] = a[n, 4] + b[n, k] summed over k + weights[0] (f32); then past is left to alias: present[n, 2] = past[n, 2] + 1.
// A negative a[0, 0] sets status 2. With a launcher set, kernel 3 runs on the descriptor of y.
//
//===----------------------------------------------------------------------===//
#include <stdint.h>

#ifdef FAKE_NOT_A_MODEL
int32_t some_other_library = 1;
#else
const int32_t lutra_abi_version = FAKE_ABI_VERSION;
int32_t lutra_status[2];
void (*lutra_launch)(int32_t kernel, int32_t nargs, void **descs);

typedef struct {
  float *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
} Matrix;

void lutra_main(void **args) {
  struct {
    float *allocated, *aligned;
    int64_t offset, size, stride;
  } *weights = args[0];
  Matrix *a = args[1], *b = args[2], *past = args[3], *y = args[4], *present = args[5];
  for (int64_t i = 0; i < a->sizes[0]; ++i) {
    float sum = weights->aligned[0];
    for (int64_t k = 0; k < b->sizes[1]; ++k)
      sum += b->aligned[b->offset + i * b->strides[0] + k];
    for (int64_t j = 0; j < 4; ++j)
      y->aligned[y->offset + i * y->strides[0] + j] = a->aligned[a->offset + i * a->strides[0] + j] + sum;
    for (int64_t j = 0; j < 2; ++j)
      present->aligned[i * present->strides[0] + j] = past->aligned[i * past->strides[0] + j] + 1;
  }
  if (a->sizes[0] > 0 && a->aligned[0] < 0)
    lutra_status[0] = 2;
  void *descs[] = {y};
  if (lutra_launch)
    lutra_launch(3, 1, descs);
}
#endif
