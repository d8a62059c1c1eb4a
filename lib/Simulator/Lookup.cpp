//===- Lookup.cpp - one step of the array on one row ----------------------===//
//
// The innermost loop of functional simulation. With AVX2, 32 columns at a time: a table of 16 bytes is a register, a
// lookup a byte shuffle. Sums of up to 8 planes of entries within 127 fit 16 bits (127 * 255 = 32385).
//
//===----------------------------------------------------------------------===//

#include "Lookup.h"

#include <algorithm>
#include <cstdlib>

using namespace lutra::ltc;

void lutra::ltc::lookupPortable(int32_t *acc, const int16_t *entries, const uint8_t *codes, size_t planePitch,
                                unsigned shift, unsigned planes, unsigned n) {
  for (unsigned plane = 0; plane < planes; ++plane, codes += planePitch)
    for (unsigned column = 0; column < n; ++column)
      acc[column] += int32_t(entries[(codes[column] >> shift) & 15]) * (1 << plane);
}

#if defined(__x86_64__)
#include <immintrin.h>

static constexpr unsigned kVector = 32;

__attribute__((target("avx2"))) static void lookupAVX2(int32_t *acc, const int16_t *entries, const uint8_t *codes,
                                                       size_t planePitch, unsigned shift, unsigned planes, unsigned n) {
  const __m256i wide = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(entries));
  // Packing works within 128-bit halves; the permutation puts the 16 bytes in order, in both halves.
  const __m256i table = _mm256_permute4x64_epi64(_mm256_packs_epi16(wide, wide), 0x88);
  const __m256i mask = _mm256_set1_epi8(15);
  for (unsigned first = 0; first < n; first += kVector) {
    __m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
    for (unsigned plane = 0; plane < planes; ++plane) {
      __m256i code = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(codes + plane * planePitch + first));
      code = _mm256_and_si256(_mm256_srl_epi16(code, _mm_cvtsi32_si128(int(shift))), mask);
      const __m256i value = _mm256_shuffle_epi8(table, code);
      const __m128i weight = _mm_cvtsi32_si128(int(plane));
      low = _mm256_add_epi16(low, _mm256_sll_epi16(_mm256_cvtepi8_epi16(_mm256_castsi256_si128(value)), weight));
      high = _mm256_add_epi16(high, _mm256_sll_epi16(_mm256_cvtepi8_epi16(_mm256_extracti128_si256(value, 1)), weight));
    }
    const __m128i parts[] = {_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1),
                             _mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1)};
    for (unsigned part = 0; part < 4; ++part) {
      auto *target = reinterpret_cast<__m256i *>(acc + first + 8 * part);
      _mm256_storeu_si256(target, _mm256_add_epi32(_mm256_loadu_si256(target), _mm256_cvtepi16_epi32(parts[part])));
    }
  }
}

void lutra::ltc::lookup(int32_t *acc, const int16_t *entries, const uint8_t *codes, size_t planePitch, unsigned shift,
                        unsigned planes, unsigned n) {
  static const bool hasAVX2 = __builtin_cpu_supports("avx2");
  // A stored -128 (no precompute makes one) has a negative that is no byte.
  auto fits = [](int16_t entry) { return entry >= -127 && entry <= 127; };
  if (hasAVX2 && n % kVector == 0 && planes <= 8 && std::all_of(entries, entries + kEntries, fits))
    return lookupAVX2(acc, entries, codes, planePitch, shift, planes, n);
  lookupPortable(acc, entries, codes, planePitch, shift, planes, n);
}
#else
void lutra::ltc::lookup(int32_t *acc, const int16_t *entries, const uint8_t *codes, size_t planePitch, unsigned shift,
                        unsigned planes, unsigned n) {
  lookupPortable(acc, entries, codes, planePitch, shift, planes, n);
}
#endif
