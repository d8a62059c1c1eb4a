//===- PackedSource.cpp - packed bytes as a weight ------------------------===//
//
// Below `lowbit.packed_data` a weight is its bytes. They are read here as a machine reads them, so that a mistake in
// packing shows in values.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

using namespace mlir;
using namespace lutra;

namespace {
class PackedSource : public lowbit::WeightSource {
public:
  PackedSource(lowbit::WeightType type, Array bytes)
      : WeightSource(type.withFormat(type.getUnpackedFormat())), bytes(std::move(bytes)),
        reader(type, ArrayRef(this->bytes->bytes)) {}

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    uint64_t word = 0;
    for (int64_t i = 0; i < 8; ++i)
      if (int64_t lane = octet * 8 + i; lane < getGroupLength(g))
        word |= uint64_t(reader.code(n, g * getGroup() + lane)) << (8 * i);
    return word;
  }
  double value(int64_t n, int64_t k) const override {
    int64_t g = k / getGroup();
    unsigned bitsOfCode = reader.code(n, k);
    double sum = 0;
    for (unsigned p = 0; p < getBits(); ++p)
      sum += (bitsOfCode >> p & 1 ? 1.0 : -1.0) * (isBCQ() ? alpha(n, g, p) : double(1 << p));
    return isBCQ() ? sum + beta(n, g) : alpha(n, g, 0) * (sum + zeta(n, g));
  }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned p) const override { return reader.alpha(n, g, p); }
  float zeta(int64_t n, int64_t g) const override { return reader.offset(n, g); }
  float beta(int64_t n, int64_t g) const override {
    return isBCQ() ? reader.offset(n, g) : alpha(n, g, 0) * zeta(n, g);
  }

private:
  bool isBCQ() const { return isa<lowbit::BCQAttr>(getFormat()); }

  Array bytes;
  lowbit::PackedReader reader;
};
} // namespace

lowbit::WeightReader lutra::readPacked(lowbit::WeightType type, Array bytes) {
  return lowbit::WeightReader(std::make_shared<PackedSource>(type, std::move(bytes)));
}
