//===- ArrayElements.h - elements of arrays, as scalars and text *- C++ -*-===//
//
// The bridge between an array's bytes and numbers.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_SUPPORT_ARRAYELEMENTS_H
#define LUTRA_SUPPORT_ARRAYELEMENTS_H

#include "lutra/Support/Npy.h"
#include <cstdint>
#include <string>

namespace lutra {

/// An integer (sign-extended from its width; i1 is 0 or 1) or a float (f32 values are exact in a double).
struct Scalar {
  int64_t i = 0;
  double f = 0;
};

/// Whether elements of this type are floats, which a Scalar has in `f`.
bool isFloat(DType dtype);

/// Element `index` of an array, and its replacement. Reading rounds nothing, writing rounds what is kept in
/// floats narrower than f32.
Scalar loadElement(const NpyArray &array, int64_t index);
void storeElement(NpyArray &array, int64_t index, const Scalar &value);

/// An array as text: nested brackets, a float with as few digits as tell it apart from its neighbours.
std::string arrayText(const NpyArray &array);

} // namespace lutra

#endif // LUTRA_SUPPORT_ARRAYELEMENTS_H
