//===- Numbers.h - elements of memory as numbers of f32 ---------*- C++ -*-===//
#ifndef LUTRA_LIB_SIMULATOR_NUMBERS_H
#define LUTRA_LIB_SIMULATOR_NUMBERS_H

#include "lutra/Simulator/Program.h"

namespace lutra::ltc {

/// The number at `data`; exact for every type but i32, which is rounded once.
float loadElement(const char *data, ElementType type);
/// `value` rounded once to `type` (to nearest, ties to even), as a number of f32. Floats only.
float roundTo(float value, ElementType type);
/// Writes a number that `type` holds exactly; integers wrap.
void storeElement(char *data, float value, ElementType type);

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_NUMBERS_H
