//===- Accumulate.cpp - lut.accumulate to multiply-add instructions -------===//
//
// The instructions sum neighbouring lanes with weights: vpdpbusd (four bytes), vpmaddubsw and vpmaddwd (two lanes), sdot.
// vpmaddubsw saturates, but constraint C3 of the op keeps its sums in range. Without them, shifts of the wide lanes do the
// same: a wide lane holds its narrow lanes, the first in the low bits (little-endian).
//
//===----------------------------------------------------------------------===//
#include "lib/Conversion/LutToLLVM/Patterns.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace lutra;
using namespace lutra::lutllvm;

namespace {
/// An instruction that takes `bytes` bytes of source at once.
struct MultiplyAdd {
  StringRef intrinsic;
  int64_t bytes;
};

struct AccumulateLowering : ConvertOpToLLVMPattern<lut::AccumulateOp> {
  AccumulateLowering(const LLVMTypeConverter &converter, const LutInstructions &instructions)
      : ConvertOpToLLVMPattern(converter), instructions(instructions) {}

  LogicalResult matchAndRewrite(lut::AccumulateOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value result = op.getWeights().size() == 4 ? addQuads(b, adaptor.getSource(), adaptor.getAccumulator(), op.getWeights())
                                               : addPairs(b, adaptor.getSource(), adaptor.getAccumulator(), op.getWeights());
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// The widest form, of those enabled, whose width divides `bytes`; the forms are listed widest first.
  static MultiplyAdd choose(int64_t bytes, ArrayRef<std::pair<bool, MultiplyAdd>> forms) {
    for (auto [enabled, form] : forms)
      if (enabled && bytes % form.bytes == 0 && llvm::isPowerOf2_64(bytes / form.bytes))
        return form;
    return {"", 0};
  }

  /// The weights repeated over a vector of `type`.
  static Value repeat(ImplicitLocOpBuilder &b, VectorType type, ArrayRef<int32_t> weights) {
    SmallVector<APInt> lanes;
    for (int64_t lane = 0; lane < type.getDimSize(0); ++lane)
      lanes.emplace_back(type.getElementTypeBitWidth(), weights[lane % weights.size()]);
    return LLVM::ConstantOp::create(b, type, DenseElementsAttr::get(type, lanes));
  }

  /// Calls `make(source part)` for each part of `bytes` bytes and concatenates.
  static Value forParts(ImplicitLocOpBuilder &b, Value source, int64_t bytes, function_ref<Value(int64_t, Value)> make) {
    auto type = cast<VectorType>(source.getType());
    int64_t lanes = bytes * 8 / type.getElementTypeBitWidth();
    SmallVector<Value> parts;
    for (int64_t begin = 0; begin < type.getDimSize(0); begin += lanes)
      parts.push_back(make(begin, slice(b, source, begin, lanes)));
    return concat(b, parts);
  }

  /// i8 to i32, four lanes at a time.
  Value addQuads(ImplicitLocOpBuilder &b, Value source, Value acc, ArrayRef<int32_t> weights) const {
    auto accType = cast<VectorType>(acc.getType());
    int64_t bytes = accType.getDimSize(0) * 4;
    // sdot's weights are signed.
    bool signedWeights = llvm::all_of(weights, [](int32_t weight) { return weight < 128; });
    MultiplyAdd dot = choose(bytes, {{instructions.avx512vnni, {"llvm.x86.avx512.vpdpbusd.512", 64}},
                                     {instructions.vnni256, {"llvm.x86.avx512.vpdpbusd.256", 32}},
                                     {instructions.vnni256, {"llvm.x86.avx512.vpdpbusd.128", 16}},
                                     {instructions.dotprod && signedWeights, {"llvm.aarch64.neon.sdot.v4i32.v16i8", 16}}});
    if (dot.bytes)
      return forParts(b, source, dot.bytes, [&](int64_t begin, Value part) {
        Value sum = slice(b, acc, begin / 4, dot.bytes / 4);
        Value factors = repeat(b, cast<VectorType>(part.getType()), weights);
        return callIntrinsic(b, dot.intrinsic, sum.getType(), {sum, factors, part});
      });
    // Two steps: products of two neighbours must then fit an i16.
    if (instructions.ssse3 && bytes % 16 == 0 && (weights[0] + weights[1]) * 128 <= 32767 &&
        (weights[2] + weights[3]) * 128 <= 32767) {
      auto halfType = VectorType::get({bytes / 2}, b.getI16Type());
      Value pairs = multiplyPairs(b, source, halfType, weights);
      if (pairs)
        if (Value quads = multiplyPairs(b, pairs, accType, {1, 1}))
          return LLVM::AddOp::create(b, acc, quads);
    }
    return addByShifts(b, source, acc, weights);
  }

  /// i8 to i16 or i16 to i32, two lanes at a time.
  Value addPairs(ImplicitLocOpBuilder &b, Value source, Value acc, ArrayRef<int32_t> weights) const {
    if (Value sums = multiplyPairs(b, source, cast<VectorType>(acc.getType()), weights))
      return LLVM::AddOp::create(b, acc, sums);
    return addByShifts(b, source, acc, weights);
  }

  /// Weighted sums of two neighbours by vpmaddubsw or vpmaddwd, or null when the machine has none of a fitting width.
  Value multiplyPairs(ImplicitLocOpBuilder &b, Value source, VectorType type, ArrayRef<int32_t> weights) const {
    int64_t bytes = type.getDimSize(0) * type.getElementTypeBitWidth() / 8;
    bool isBytes = type.getElementType().isInteger(16);
    MultiplyAdd form =
        isBytes ? choose(bytes, {{instructions.avx512bw, {"llvm.x86.avx512.pmaddubs.w.512", 64}},
                                 {instructions.avx2, {"llvm.x86.avx2.pmadd.ub.sw", 32}},
                                 {instructions.ssse3, {"llvm.x86.ssse3.pmadd.ub.sw.128", 16}}})
                : choose(bytes, {{instructions.avx512bw, {"llvm.x86.avx512.pmaddw.d.512", 64}},
                                 {instructions.avx2, {"llvm.x86.avx2.pmadd.wd", 32}},
                                 {instructions.ssse3, {"llvm.x86.sse2.pmadd.wd", 16}}});
    if (!form.bytes)
      return {};
    int64_t lanes = form.bytes * 8 / type.getElementTypeBitWidth();
    return forParts(b, source, form.bytes, [&](int64_t, Value part) {
      auto partType = cast<VectorType>(part.getType());
      // vpmaddubsw takes its unsigned operand first.
      return callIntrinsic(b, form.intrinsic, VectorType::get({lanes}, type.getElementType()),
                           {repeat(b, partType, weights), part});
    });
  }

  /// Any machine: lane i of W is brought to the top of the wide lane, then down with its sign.
  static Value addByShifts(ImplicitLocOpBuilder &b, Value source, Value acc, ArrayRef<int32_t> weights) {
    auto type = cast<VectorType>(acc.getType());
    int64_t wide = type.getElementTypeBitWidth(), narrow = wide / weights.size();
    Value lanes = LLVM::BitcastOp::create(b, type, source);
    for (auto [index, weight] : llvm::enumerate(weights)) {
      if (weight == 0)
        continue;
      Value lane = lanes;
      if (int64_t up = wide - narrow * (index + 1))
        lane = LLVM::ShlOp::create(b, lane, splat(b, type, up));
      lane = LLVM::AShrOp::create(b, lane, splat(b, type, wide - narrow));
      if (weight != 1)
        lane = LLVM::MulOp::create(b, lane, splat(b, type, weight));
      acc = LLVM::AddOp::create(b, acc, lane);
    }
    return acc;
  }

  LutInstructions instructions;
};
} // namespace

void lutllvm::populateAccumulatePatterns(const LLVMTypeConverter &converter, const LutInstructions &instructions,
                                        RewritePatternSet &patterns) {
  patterns.add<AccumulateLowering>(converter, instructions);
}
