//===- Functions.cpp - exp, erf and tanh of f32, bit by bit ---------------===//
//
// Step by step what upstream's polynomial approximations of math.exp, math.erf and math.tanh emit (test/Interpreter/functions.mlir holds them together).
// Comparisons are written so that a NaN takes the way that it takes there.
//
//===----------------------------------------------------------------------===//
#include "lutra/Support/Functions.h"

#include <cmath>
#include <cstdint>
#include <cstring>

/// 2^n for n of -127 to 127, where -127 stands for 0.
static float powerOfTwo(float n) {
  const int32_t bits = (static_cast<int32_t>(n) + 127) << 23;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return result;
}

/// ((c[0] x + c[1]) x + c[2]) x + ..., fused.
template <unsigned count>
static float horner(float x, const float (&c)[count]) {
  float sum = c[0];
  for (unsigned i = 1; i < count; ++i)
    sum = std::fma(sum, x, c[i]);
  return sum;
}

float lutra::expOf(float x) {
  if (std::isnan(x))
    return x;
  x = x >= -87.8f ? x : -87.8f;
  x = x <= 88.8f ? x : 88.8f;
  float n = std::floor(std::fma(x, 1.44269502f, 0.5f));
  n = n >= -127.0f ? n : -127.0f;
  n = n <= 127.0f ? n : 127.0f;
  // ln 2 in two parts.
  float r = std::fma(-0.693359375f, n, x);
  r = std::fma(2.12194442e-4f, n, r);
  const float p = horner(r, {1.98756912e-4f, 0.00139819994f, 0.00833345205f, 0.0416657962f, 0.166666657f, 0.5f});
  return (std::fma(p, r * r, r) + 1.0f) * powerOfTwo(n);
}

float lutra::erfOf(float x) {
  const float a = x < 0.0f ? -x : x;
  if (a >= 3.75f)
    return x < 0.0f ? -1.0f : 1.0f;
  float p, q, offset = 0.0f;
  if (a < 0.8f) {
    p = horner(a, {0.0258146804f, 0.209741712f, -0.523018539f, 1.12837911f, 0.0f});
    q = horner(a, {0.0739796459f, -0.131808966f, 0.519230127f, -0.463513821f, 1.0f});
  } else if (a < 2.0f) {
    p = horner(a, {0.0370645523f, 0.118407398f, -0.364721417f, 1.12750685f, 0.0f});
    q = horner(a, {0.0572442785f, -0.0883462652f, 0.448369086f, -3.276070e-01f, 1.0f});
  } else {
    offset = 1.0f;
    p = horner(a, {-1.71048032e-5f, 2.53447099e-4f, -0.00141373626f, 0.00351961935f, -0.00330093061f});
    q = horner(a, {0.0821908935f, -0.583389878f, 1.62705934f, -2.0606916f, 1.0f});
  }
  const float result = offset + p / q;
  return x < 0.0f ? -result : result;
}

float lutra::tanhOf(float x) {
  if (std::isnan(x))
    return x;
  const float bounded = std::fmax(std::fmin(x, 7.99881172f), -7.99881172f);
  if (std::fabs(x) < 4.0e-4f)
    return bounded;
  const float s = bounded * bounded;
  const float p = horner(s, {-2.76076837e-16f, 2.00018794e-13f, -8.60467184e-11f, 5.12229725e-8f, 1.48572235e-5f,
                             6.37261954e-4f, 0.00489352457f});
  const float q = horner(s, {1.19825836e-6f, 1.18534706e-4f, 0.00226843474f, 0.00489352504f});
  return bounded * p / q;
}
