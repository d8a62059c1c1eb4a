//===- CompositeSource.cpp - reading codebooks and truncated weights ------===//
//
// See WeightSource.h. Mixed and outlier weights are not read: their parts are.
//
//===----------------------------------------------------------------------===//
#include "dialects/lowbit/IR/Codebooks.h"
#include "dialects/lowbit/IR/Composite.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;
using namespace lutra::lowbit;

//===----------------------------------------------------------------------===//
// Codebooks
//===----------------------------------------------------------------------===//

std::shared_ptr<const CodebookSource> CodebookSource::create(WeightOp op, WeightType type) {
  auto format = cast<CodebookAttr>(type.getFormat());
  auto nested = dyn_cast<NestedAttr>(op.getType().getFormat());
  std::shared_ptr<CodebookSource> source(new CodebookSource(type));
  unsigned storedBits = op.getType().getBits();
  FailureOr<StoredCodes> codes = StoredCodes::bind(op, storedBits);
  FailureOr<SharedElements> scales = SharedElements::bind(op, "scales");
  if (failed(codes) || failed(scales))
    return nullptr;
  source->codes = *codes;
  source->scales = *scales;
  source->dropped = storedBits - format.getBits();
  source->fixed = getFixedTable(format.getTable());
  source->perRow = format.getTable() == CodebookTable::Channel;
  if (source->fixed.empty()) {
    FailureOr<ComponentElements> table =
        ComponentElements::bind(op, nested ? getNestedTableName(format.getBits()) : "table");
    if (failed(table))
      return nullptr;
    source->table = *table;
  }
  if (format.getGlobalScale()) {
    FailureOr<ComponentElements> global = ComponentElements::bind(op, "global_scale");
    if (failed(global))
      return nullptr;
    source->globalScale = global->number(0);
  }
  return source;
}

uint64_t CodebookSource::octetCodes(int64_t n, int64_t g, int64_t octet) const {
  // Bytes keep their upper bits; what slides in from the byte above is masked off.
  uint64_t mask = ((uint64_t(1) << bits) - 1) * 0x0101010101010101u;
  return maskPadding(codes.octet(n, g, octet) >> dropped & mask, g, octet);
}

float CodebookSource::scale(int64_t n, int64_t g) const {
  float scale = scales.number(n, g);
  return globalScale ? scale * *globalScale : scale;
}

float CodebookSource::entry(int64_t n, unsigned q) const {
  if (!fixed.empty())
    return fixed[q];
  return table.number((perRow ? n << bits : 0) + q);
}

double CodebookSource::value(int64_t n, int64_t k) const {
  return double(scale(n, k / group)) * double(entry(n, code(n, k)));
}

WeightSourcePtr CodebookAttr::createSource(WeightOp &op) const { return CodebookSource::create(op, op.getType()); }

//===----------------------------------------------------------------------===//
// Truncated planes
//===----------------------------------------------------------------------===//

namespace {
/// The upper planes of a weight in planes.
class TruncatedSource : public WeightSource {
public:
  TruncatedSource(WeightType type, WeightSourcePtr body, std::optional<float> statedZeta)
      : WeightSource(type), body(std::move(body)), statedZeta(statedZeta), dropped(this->body->getBits() - bits),
        isBCQ(isa<BCQAttr>(format)) {}

  uint64_t octetCodes(int64_t n, int64_t g, int64_t octet) const override {
    uint64_t mask = ((uint64_t(1) << bits) - 1) * 0x0101010101010101u;
    return body->octetCodes(n, g, octet) >> dropped & mask;
  }
  bool hasPlanes() const override { return true; }
  float alpha(int64_t n, int64_t g, unsigned p) const override {
    return isBCQ ? body->alpha(n, g, p + dropped) : std::ldexp(body->alpha(n, g, 0), dropped);
  }
  float zeta(int64_t n, int64_t g) const override {
    return statedZeta ? *statedZeta : std::ldexp(body->zeta(n, g), -int(dropped));
  }
  float beta(int64_t n, int64_t g) const override { return isBCQ ? body->beta(n, g) : WeightSource::beta(n, g); }
  std::optional<float> findConstantZeta() const override {
    std::optional<float> zeta = isBCQ ? std::nullopt : body->findConstantZeta();
    return zeta ? std::optional(std::ldexp(*zeta, -int(dropped))) : std::nullopt;
  }
  double value(int64_t n, int64_t k) const override {
    int64_t g = k / group;
    unsigned q = code(n, k);
    if (!isBCQ)
      return double(alpha(n, g, 0)) * (2.0 * q - double((1u << bits) - 1) + double(zeta(n, g)));
    double sum = 0;
    for (unsigned p = 0; p < bits; ++p)
      sum += (q >> p & 1) ? double(alpha(n, g, p)) : -double(alpha(n, g, p));
    return sum + double(beta(n, g));
  }

private:
  WeightSourcePtr body;
  std::optional<float> statedZeta;
  unsigned dropped;
  bool isBCQ;
};
} // namespace

WeightSourcePtr TruncateOp::createSource() {
  auto constant = getSource().getDefiningOp<WeightOp>();
  if (!constant) {
    emitOpError() << "reads a weight that is no constant; expected a lowbit.weight";
    return nullptr;
  }
  if (isa<CodebookAttr>(getType().getFormat()))
    return CodebookSource::create(constant, getType());
  // The body as a constant of its own, for as long as its elements are looked up.
  OpBuilder builder(getContext());
  WeightOp scratch = createNestedBody(builder, constant);
  WeightSourcePtr body = scratch.getType().getFormat().createSource(scratch);
  scratch->erase();
  if (!body || body->getBits() == getType().getBits())
    return body;
  std::optional<float> stated;
  if (auto bipolar = dyn_cast<BipolarAttr>(getType().getFormat()); bipolar && bipolar.getZeta())
    stated = bipolar.getZeta().getValue().convertToFloat();
  auto source = std::make_shared<TruncatedSource>(getType(), body, stated);
  if (std::optional<float> found = stated ? source->findConstantZeta() : stated; stated && found != stated) {
    emitOpError() << "states a constant zeta of " << *stated << ", but the zero points do not all give it";
    return nullptr;
  }
  return source;
}
