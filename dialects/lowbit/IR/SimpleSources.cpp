//===- SimpleSources.cpp - reading uniform, bipolar and BCQ constants -----===//
//
// Formulas: docs/spec/numerics.md, "Weights". Ternary weights are in TernarySource.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/WeightSource.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

namespace {
/// Codes with a scale and a zero point: w = s ((q - offset) - z), where q is the code with its sign bit flipped and
/// offset undoes that. As planes: alpha = s / 2, zeta = 2^b - 1 - 2 (offset + z).
class UniformSource final : public WeightSource {
public:
  static WeightSourcePtr create(WeightOp op, UniformAttr format) {
    auto source = std::make_shared<UniformSource>(op.getType());
    FailureOr<StoredCodes> codes = StoredCodes::bind(op, source->bits);
    FailureOr<SharedElements> scales = SharedElements::bind(op, "scales");
    if (failed(codes) || failed(scales))
      return nullptr;
    source->codes = *codes;
    source->scales = *scales;
    int64_t middle = int64_t(1) << (source->bits - 1);
    if (format.getIsSigned()) {
      source->flip = static_cast<uint64_t>(middle) * 0x0101010101010101u;
      source->offset = static_cast<double>(middle);
    }
    source->signedZeros = format.getIsSigned();
    source->kind = format.getZero();
    if (format.getZero() == ZeroKind::Midpoint && !format.getIsSigned())
      source->constant = static_cast<double>(middle);
    if (format.getZero() == ZeroKind::Integer || format.getZero() == ZeroKind::Float) {
      FailureOr<SharedElements> zeros = SharedElements::bind(op, "zeros");
      if (failed(zeros))
        return nullptr;
      source->zeros = *zeros;
    }
    return source;
  }

  explicit UniformSource(WeightType type) : WeightSource(type) {}

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    if (8 * octet >= getGroupLength(g))
      return 0;
    return maskPadding(codes.octet(n, g, octet) ^ flip, g, octet);
  }
  double value(int64_t n, int64_t k) const override {
    int64_t g = k / group;
    return double(scales.number(n, g)) * ((code(n, k) - offset) - zero(n, g));
  }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned) const override { return scales.number(n, g) * 0.5f; }
  float zeta(int64_t n, int64_t g) const override {
    return static_cast<float>((double((1u << bits) - 1) - 2.0 * offset) - 2.0 * zero(n, g));
  }
  std::optional<float> findConstantZeta() const override {
    // The same bits everywhere: stricter than equal values only for NaN and signed zeros, which then stay per group.
    if (zeros && !zeros.get().allEqual())
      return std::nullopt;
    return zeta(0, 0);
  }

private:
  /// The zero point as stored: of codes of the format's own signedness.
  double zero(int64_t n, int64_t g) const {
    if (!zeros)
      return constant;
    if (kind == ZeroKind::Float)
      return zeros.number(n, g);
    return signedZeros ? static_cast<int8_t>(zeros.byte(n, g)) : zeros.byte(n, g);
  }

  StoredCodes codes;
  SharedElements scales, zeros;
  ZeroKind kind = ZeroKind::Midpoint;
  bool signedZeros = false;
  uint64_t flip = 0;
  double offset = 0, constant = 0;
};

/// Planes whose codes are those of the file.
class StoredPlanes : public WeightSource {
public:
  using WeightSource::WeightSource;
  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    return 8 * octet >= getGroupLength(g) ? 0 : maskPadding(codes.octet(n, g, octet), g, octet);
  }
  bool hasPlanes() const override { return true; }

protected:
  StoredCodes codes;
  SharedElements alphas;
};

class BipolarSource final : public StoredPlanes {
public:
  static WeightSourcePtr create(WeightOp op, BipolarAttr format) {
    auto source = std::make_shared<BipolarSource>(op.getType());
    FailureOr<StoredCodes> codes = StoredCodes::bind(op, source->bits);
    FailureOr<SharedElements> alphas = SharedElements::bind(op, "alphas");
    if (failed(codes) || failed(alphas))
      return nullptr;
    source->codes = *codes;
    source->alphas = *alphas;
    if (format.getZeta()) {
      source->constant = format.getZeta().getValue().convertToFloat();
      return source;
    }
    FailureOr<SharedElements> zetas = SharedElements::bind(op, "zetas");
    if (failed(zetas))
      return nullptr;
    source->zetas = *zetas;
    return source;
  }

  explicit BipolarSource(WeightType type) : StoredPlanes(type) {}

  double value(int64_t n, int64_t k) const override {
    int64_t g = k / group;
    return double(alphas.number(n, g)) * (2.0 * code(n, k) - double((1u << bits) - 1) + double(zeta(n, g)));
  }
  float alpha(int64_t n, int64_t g, unsigned) const override { return alphas.number(n, g); }
  float zeta(int64_t n, int64_t g) const override { return zetas ? zetas.number(n, g) : constant; }
  std::optional<float> findConstantZeta() const override {
    if (zetas && !zetas.get().allEqual())
      return std::nullopt;
    return zeta(0, 0);
  }

private:
  SharedElements zetas;
  float constant = 0;
};

class BCQSource final : public StoredPlanes {
public:
  static WeightSourcePtr create(WeightOp op, BCQAttr format) {
    auto source = std::make_shared<BCQSource>(op.getType());
    source->terms = format.getShiftTerms();
    FailureOr<StoredCodes> codes = StoredCodes::bind(op, source->bits);
    FailureOr<SharedElements> alphas =
        SharedElements::bind(op, "alphas", source->bits * std::max<int64_t>(1, source->terms));
    FailureOr<SharedElements> betas = SharedElements::bind(op, "betas");
    if (failed(codes) || failed(alphas) || failed(betas))
      return nullptr;
    source->codes = *codes;
    source->alphas = *alphas;
    source->betas = *betas;
    return source;
  }

  explicit BCQSource(WeightType type) : StoredPlanes(type) {}

  double value(int64_t n, int64_t k) const override { return sumPlanes(n, k); }
  float alpha(int64_t n, int64_t g, unsigned p) const override {
    if (terms == 0)
      return alphas.number(n, g, p);
    double sum = 0;
    for (int64_t t = 0; t < terms; ++t) {
      uint8_t byte = alphas.byte(n, g, p * terms + t);
      if (byte == 0)
        continue;
      double term = std::ldexp(1.0, int(byte & 0x7f) - 64);
      sum += byte & 0x80 ? -term : term;
    }
    return static_cast<float>(sum);
  }
  float beta(int64_t n, int64_t g) const override { return betas.number(n, g); }

private:
  SharedElements betas;
  int64_t terms = 0;
};
} // namespace

WeightSourcePtr UniformAttr::createSource(WeightOp &op) const { return UniformSource::create(op, *this); }
WeightSourcePtr BipolarAttr::createSource(WeightOp &op) const { return BipolarSource::create(op, *this); }
WeightSourcePtr BCQAttr::createSource(WeightOp &op) const { return BCQSource::create(op, *this); }
