//===- Peak.cpp - what the vector units do in registers -------------------===//
//
// Each loop keeps enough accumulators to hide the latency of its instructions. The empty assembly makes the compiler believe that the
// operands change, so that it neither hoists the work nor folds it; an accumulator is also an operand where that saves the loop a move.
//
//===----------------------------------------------------------------------===//
#include "Peak.h"

#include "Team.h"

#include <chrono>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using namespace lutra::bench;

namespace {
#if defined(__x86_64__)
#define OPAQUE(value) asm volatile("" : "+v"(value))
#else
#define OPAQUE(value) asm volatile("" : "+w"(value))
#endif

constexpr int chains = 12, unrolled = 64;

/// Runs `step(accumulator)` on `chains` accumulators, `unrolled` times each.
template <typename V, typename Step> void loop(Step step) {
  V sums[chains] = {};
  for (V &sum : sums)
    OPAQUE(sum);
  for (int i = 0; i < unrolled; ++i)
    for (V &sum : sums)
      step(sum);
  for (V &sum : sums)
    OPAQUE(sum);
}

/// 10^9 operations a second of `work`, which does `operations` in each of its steps.
template <typename Work> double rateOf(Team &team, double seconds, double operations, Work work) {
  using Clock = std::chrono::steady_clock;
  constexpr int calls = 1000;
  double done = 0;
  const Clock::time_point start = Clock::now();
  std::chrono::duration<double> taken{0};
  do {
    team.run([&](int) {
      for (int call = 0; call < calls; ++call)
        work();
    });
    done += double(calls) * chains * unrolled * operations * team.size();
    taken = Clock::now() - start;
  } while (taken.count() < seconds);
  return done / taken.count() * 1e-9;
}
} // namespace

std::vector<Peak> lutra::bench::measurePeaks(int threads, double seconds) {
  std::vector<Peak> peaks;
  Team team(threads);
  auto add = [&](const char *name, double operations, auto work) {
    peaks.emplace_back(name, rateOf(team, seconds, operations, work));
  };
#if defined(__AVX512BW__)
  __m512i bytes = _mm512_set1_epi8(1), ones = _mm512_set1_epi16(1);
  __m512 floats = _mm512_set1_ps(1.0f);
  OPAQUE(bytes);
  OPAQUE(ones);
  OPAQUE(floats);
  add("fp32", 32, [=] { loop<__m512>([=](__m512 &sum) { sum = _mm512_fmadd_ps(floats, floats, sum); OPAQUE(sum); }); });
  add("int8", 128, [=] {
    loop<__m512i>([=](__m512i &sum) {
      sum = _mm512_add_epi16(sum, _mm512_maddubs_epi16(bytes, sum));
      OPAQUE(sum);
    });
  });
  add("int8_wide", 128, [=] {
    loop<__m512i>([=](__m512i &sum) {
      sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(bytes, sum), ones));
      OPAQUE(sum);
    });
  });
#if defined(__AVX512VNNI__)
  add("int8_dot", 128, [=] { loop<__m512i>([=](__m512i &sum) { sum = _mm512_dpbusd_epi32(sum, bytes, bytes); OPAQUE(sum); }); });
#endif
  add("lookup", 64, [=] { loop<__m512i>([=](__m512i &sum) { sum = _mm512_shuffle_epi8(bytes, sum); OPAQUE(sum); }); });
#elif defined(__AVX2__) && defined(__FMA__)
  __m256i bytes = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
  __m256 floats = _mm256_set1_ps(1.0f);
  OPAQUE(bytes);
  OPAQUE(ones);
  OPAQUE(floats);
  add("fp32", 16, [=] { loop<__m256>([=](__m256 &sum) { sum = _mm256_fmadd_ps(floats, floats, sum); OPAQUE(sum); }); });
  add("int8", 64, [=] {
    loop<__m256i>([=](__m256i &sum) {
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(bytes, sum));
      OPAQUE(sum);
    });
  });
  add("int8_wide", 64, [=] {
    loop<__m256i>([=](__m256i &sum) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, sum), ones));
      OPAQUE(sum);
    });
  });
  add("lookup", 32, [=] { loop<__m256i>([=](__m256i &sum) { sum = _mm256_shuffle_epi8(bytes, sum); OPAQUE(sum); }); });
#elif defined(__aarch64__)
  float32x4_t floats = vdupq_n_f32(1.0f);
  int8x16_t bytes = vdupq_n_s8(1);
  OPAQUE(floats);
  OPAQUE(bytes);
  add("fp32", 8, [=] { loop<float32x4_t>([=](float32x4_t &sum) { sum = vfmaq_f32(sum, floats, floats); OPAQUE(sum); }); });
  add("int8", 32, [=] {
    loop<int16x8_t>([=](int16x8_t &sum) {
      sum = vmlal_high_s8(vmlal_s8(sum, vget_low_s8(bytes), vget_low_s8(bytes)), bytes, bytes);
      OPAQUE(sum);
    });
  });
#if defined(__ARM_FEATURE_DOTPROD)
  add("int8_dot", 32, [=] { loop<int32x4_t>([=](int32x4_t &sum) { sum = vdotq_s32(sum, bytes, bytes); OPAQUE(sum); }); });
#endif
  add("lookup", 16, [=] {
    loop<int8x16_t>([=](int8x16_t &sum) { sum = vqtbl1q_s8(bytes, vreinterpretq_u8_s8(sum)); OPAQUE(sum); });
  });
#else
  float one = 1.0f;
  add("fp32", 2, [=] { loop<float>([=](float &sum) { sum = sum * one + one; asm volatile("" : "+m"(sum)); }); });
#endif
  return peaks;
}
