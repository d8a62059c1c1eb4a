//===- LmmaOps.cpp - verifiers and syntax of the instructions -------------===//

#include "Access.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace lutra::lmma;

/// `[%m, %g * 4 + 1]`
static ParseResult parseAffineIndices(OpAsmParser &parser, SmallVectorImpl<OpAsmParser::UnresolvedOperand> &indices,
                                      AffineMapAttr &map) {
  Attribute parsed;
  NamedAttrList ignored;
  if (parser.parseAffineMapOfSSAIds(indices, parsed, "map", ignored, AsmParser::Delimiter::Square))
    return failure();
  map = cast<AffineMapAttr>(parsed);
  return success();
}

static void printAffineIndices(OpAsmPrinter &printer, Operation *, OperandRange indices, AffineMapAttr map) {
  printer << "[";
  printer.printAffineMapOfSSAIds(map, indices);
  printer << "]";
}

static ParseResult parseFloat(OpAsmParser &parser, FloatAttr &value) {
  return parser.parseAttribute(value, parser.getBuilder().getF32Type());
}
static void printFloat(OpAsmPrinter &printer, Operation *, FloatAttr value) {
  printer.printAttributeWithoutType(value);
}

#define GET_OP_CLASSES
#include "dialects/lmma/IR/LmmaOps.cpp.inc"

static bool addLinear(AffineExpr expr, int64_t factor, unsigned numDims, SmallVector<int64_t> &form) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    form.back() += factor * constant.getValue();
    return true;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    form[dim.getPosition()] += factor;
    return true;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    form[numDims + symbol.getPosition()] += factor;
    return true;
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, numDims, form) && addLinear(binary.getRHS(), factor, numDims, form);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return expr.getKind() == AffineExprKind::Mul && constant &&
         addLinear(binary.getLHS(), factor * constant.getValue(), numDims, form);
}

std::optional<SmallVector<int64_t>> lutra::lmma::getLinearForm(AffineMap map, unsigned result) {
  SmallVector<int64_t> form(map.getNumInputs() + 1);
  if (!addLinear(map.getResult(result), 1, map.getNumDims(), form))
    return std::nullopt;
  return form;
}

LogicalResult lutra::lmma::verifyAccess(Operation *op, Value buffer, AffineMap map, ValueRange indices, Type element,
                                        int64_t rank, const char *shape) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  if (!type || type.getRank() != rank || type.getElementType() != element)
    return op->emitOpError() << "expected a buffer of shape " << shape << " and element type " << element
                             << ", but found " << buffer.getType() << " (C1)";
  if (map.getNumResults() != rank || map.getNumInputs() != indices.size())
    return op->emitOpError() << "expected " << rank << " indices, but found " << map.getNumResults() << " (C1)";
  for (unsigned result = 0; result < map.getNumResults(); ++result)
    if (!lutra::lmma::getLinearForm(map, result))
      return op->emitOpError() << "index " << result << " of " << AffineMapAttr::get(map)
                               << " is not a sum of counters times constants, which is all that an address can be";
  return success();
}

LogicalResult LoadTableOp::verify() {
  if (getPitch() && static_cast<int64_t>(*getPitch()) < 8)
    return emitOpError() << "expected a pitch of at least 8, the stored half of a table, but found " << *getPitch();
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), getType().getElement(), 3, "M x G x E");
}

LogicalResult LoadRowsOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), Float32Type::get(getContext()), 2, "M x G");
}

LogicalResult LoadWeightsOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), IntegerType::get(getContext(), 8), 1, "bytes");
}

LogicalResult LoadColsOp::verify() {
  if (!getMemory().isF16() && !getMemory().isBF16() && !getMemory().isF32() && !getMemory().isInteger(8))
    return emitOpError() << "expected f16, bf16, f32 or i8 in memory, but found " << getMemory() << " (C2)";
  auto buffer = dyn_cast<MemRefType>(getBuffer().getType());
  const bool isTyped = buffer && buffer.getElementType() == getMemory();
  Type element = isTyped ? getMemory() : IntegerType::get(getContext(), 8);
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), element, 1, isTyped ? "N" : "bytes");
}

LogicalResult ZeroOp::verify() {
  if (getNegative() && !getType().getElement().isF32())
    return emitOpError("integers have no negative zero (C1)");
  return success();
}

LogicalResult SetColsOp::verify() {
  return getValue().isFinite() ? success() : emitOpError("expected a finite value (C1)");
}

/// What lmma.mma and lmma.mma_to have in common.
template <typename Op>
static LogicalResult verifyMma(Op op) {
  Type entry = op.getTable().getType().getElement(), acc = op.getAccumulator().getType().getElement();
  const bool isFloat = isa<FloatType>(entry);
  if (isFloat != acc.isF32())
    return op.emitOpError() << "entries of " << entry << " accumulate in " << (isFloat ? "f32" : "i32")
                            << ", but found " << acc << " (C1)";
  TableType table = op.getTable().getType();
  WeightsType weights = op.getWeights().getType();
  const int64_t step = op.getStep(), weightStep = op.getWeightStep(), plane = op.getPlane(), bits = op.getBits();
  if (step < 0 || step >= table.getTables())
    return op.emitOpError() << "names table " << step << " of " << table << " (C2)";
  if (weightStep < 0 || weightStep >= weights.getTables())
    return op.emitOpError() << "names table " << weightStep << " of " << weights << " (C2)";
  if (bits < 1 || bits > 8)
    return op.emitOpError() << "expected 1 to 8 bits, but found " << bits << " (C3)";
  if (std::optional<StringRef> kind = op.getKind()) {
    const int64_t planes = *kind == "ternary" ? 2 : *kind == "fp4" ? 4 : 0;
    if (planes == 0 || bits != planes)
      return op.emitOpError() << "expected kind \"ternary\" of 2 bits or \"fp4\" of 4, but found \"" << *kind << "\" of "
                              << bits << " (C4)";
  }
  if (plane < 0 || plane > weights.getPlanes() - bits)
    return op.emitOpError() << "names " << bits << " planes from " << plane << " of " << weights << " (C2)";
  return success();
}

LogicalResult MmaOp::verify() { return verifyMma(*this); }

LogicalResult MmaToOp::verify() {
  if ((!getOut().isF32() && !getOut().isF16()) || getOut() == getAccumulator().getType().getElement())
    return emitOpError() << "expected out of f32 or f16, another type than the accumulator's, but found " << getOut()
                         << " (C5)";
  return verifyMma(*this);
}

LogicalResult ShiftOp::verify() {
  const int64_t plane = getPlane();
  if (plane < 0 || plane > 7)
    return emitOpError() << "expected a plane of 0 to 7, but found " << plane << " (C1)";
  return success();
}

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name, TypeRange buffers) {
  state.addAttribute(getSymNameAttrName(state.name), builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(builder.getFunctionType(buffers, {})));
  Region *body = state.addRegion();
  Block *block = new Block();
  body->push_back(block);
  for (Type type : buffers)
    block->addArgument(type, state.location);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseSymbolName(name, getSymNameAttrName(result.name), result.attributes) ||
      parser.parseArgumentList(arguments, AsmParser::Delimiter::Paren, /*allowType=*/true) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  SmallVector<Type> types;
  for (auto &argument : arguments)
    types.push_back(argument.type);
  result.addAttribute(getFunctionTypeAttrName(result.name),
                      TypeAttr::get(parser.getBuilder().getFunctionType(types, {})));
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty())
    body->emplaceBlock().addArguments(types, SmallVector<Location>(types.size(), result.location));
  return success();
}

void KernelOp::print(OpAsmPrinter &printer) {
  printer << ' ';
  printer.printSymbolName(getSymName());
  printer << '(';
  llvm::interleaveComma(getBody().getArguments(), printer,
                        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
  printer << ')';
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(), {getSymNameAttrName(), getFunctionTypeAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

/// The types of the machine's memory.
static bool isElement(Type type) {
  return type.isInteger(8) || type.isInteger(16) || type.isInteger(32) || type.isF16() || type.isBF16() || type.isF32() ||
         isa<Float8E4M3FNType, Float8E5M2Type>(type);
}

LogicalResult KernelOp::verify() {
  if (getFunctionType().getNumResults() != 0)
    return emitOpError("must not have results (C2)");
  if (std::optional<ArrayRef<int64_t>> grid = getGrid())
    if (grid->size() != 3 || (*grid)[0] < 1 || (*grid)[1] < 0 || (*grid)[2] < 1)
      return emitOpError("expected a grid of columns (at least 1), rows (at least 0) and swizzle (at least 1) (C3)");
  if (TypeRange(getFunctionType().getInputs()) != TypeRange(getBody().getArgumentTypes()))
    return emitOpError() << "has the type " << getFunctionType() << ", but its region's arguments differ";
  for (auto [index, type] : llvm::enumerate(getFunctionType().getInputs())) {
    auto memref = dyn_cast<MemRefType>(type);
    bool legal = memref && memref.getLayout().isIdentity() && memref.getRank() > 0 &&
                 !isShared(memref) && isElement(memref.getElementType());
    for (int64_t dimension = 1; legal && dimension < memref.getRank(); ++dimension)
      legal = !memref.isDynamicDim(dimension);
    if (!legal)
      return emitOpError() << "argument " << index
                           << " must be a buffer of i8, i16, i32, f16, bf16, f8E4M3FN, f8E5M2 or f32 in DRAM with identity layout, of which only the first size "
                           << "may be dynamic, but is " << type << " (C1)";
  }
  return success();
}

LogicalResult BlockColumnOp::verify() {
  auto kernel = cast<KernelOp>((*this)->getParentOp());
  if (!kernel.getGrid())
    return emitOpError("stands in a kernel without a grid (C1)");
  if (llvm::range_size(kernel.getBody().getOps<BlockColumnOp>()) != 1)
    return emitOpError("stands in a kernel that names its column twice; use the first one (C1)");
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto kernel = symbols.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel)
    return emitOpError() << "no lmma.kernel is called @" << getKernel() << " (C1)";
  TypeRange expected = kernel.getFunctionType().getInputs();
  if (expected.size() != getBuffers().size())
    return emitOpError() << "@" << getKernel() << " takes " << expected.size() << " buffers, but found "
                         << getBuffers().size() << " (C2)";
  for (auto [index, type, value] : llvm::enumerate(expected, getBuffers())) {
    auto wanted = cast<MemRefType>(type), given = dyn_cast<MemRefType>(value.getType());
    bool fits = given && given.getElementType() == wanted.getElementType() && given.getRank() == wanted.getRank();
    for (int64_t dimension = 0; fits && dimension < wanted.getRank(); ++dimension)
      fits = wanted.isDynamicDim(dimension) || given.isDynamicDim(dimension) ||
             given.getDimSize(dimension) == wanted.getDimSize(dimension);
    if (!fits)
      return emitOpError() << "buffer " << index << " of @" << getKernel() << " is " << type << ", but found "
                           << value.getType() << " (C2)";
  }
  return success();
}
