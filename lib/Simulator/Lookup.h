//===- Lookup.h - one step of the array on one row --------------*- C++ -*-===//
#ifndef LUTRA_LIB_SIMULATOR_LOOKUP_H
#define LUTRA_LIB_SIMULATOR_LOOKUP_H

#include <cstddef>
#include <cstdint>

namespace lutra::ltc {

/// Entries of a table with its negated half.
inline constexpr unsigned kEntries = 16;

/// acc[c] += sum_p 2^p entries[code(p, c)] for c < n, where code(p, c) is the nibble at bit `shift` (0 or 4) of codes[p
/// planePitch + c]. Entries are the negatives and the values of i8: -128 to 128.
void lookup(int32_t *acc, const int16_t *entries, const uint8_t *codes, size_t planePitch, unsigned shift,
            unsigned planes, unsigned n);

/// The same, one column after the other on any processor.
void lookupPortable(int32_t *acc, const int16_t *entries, const uint8_t *codes, size_t planePitch, unsigned shift,
                    unsigned planes, unsigned n);

} // namespace lutra::ltc

#endif // LUTRA_LIB_SIMULATOR_LOOKUP_H
