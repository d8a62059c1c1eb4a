//===- LmmaOps.cpp - verifiers and syntax of the instructions -------------===//

#include "dialects/lmma/IR/Lmma.h"

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

/// The constraints that all accesses share: the buffer's shape and element type, and linear indices.
static LogicalResult verifyAccess(Operation *op, Value buffer, AffineMap map, ValueRange indices, Type element,
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
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), getType().getElement(), 3, "M x G x E");
}

LogicalResult LoadRowsOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), Float32Type::get(getContext()), 2, "M x G");
}

LogicalResult LoadWeightsOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), IntegerType::get(getContext(), 8), 1, "bytes");
}

LogicalResult LoadColsOp::verify() {
  if (!getMemory().isF16() && !getMemory().isF32() && !getMemory().isInteger(8))
    return emitOpError() << "expected f16, f32 or i8 in memory, but found " << getMemory() << " (C2)";
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), IntegerType::get(getContext(), 8), 1, "bytes");
}

LogicalResult StoreOp::verify() {
  return verifyAccess(*this, getBuffer(), getMap(), getIndices(), Float32Type::get(getContext()), 2, "M x N");
}

LogicalResult ZeroOp::verify() {
  if (getNegative() && !getType().getElement().isF32())
    return emitOpError("integers have no negative zero (C1)");
  return success();
}

LogicalResult SetColsOp::verify() {
  return getValue().isFinite() ? success() : emitOpError("expected a finite value (C1)");
}

LogicalResult MmaOp::verify() {
  Type entry = getTable().getType().getElement(), acc = getAccumulator().getType().getElement();
  const bool isFloat = isa<FloatType>(entry);
  if (isFloat != acc.isF32())
    return emitOpError() << "entries of " << entry << " accumulate in " << (isFloat ? "f32" : "i32")
                         << ", but found " << acc << " (C1)";
  TableType table = getTable().getType();
  WeightsType weights = getWeights().getType();
  const int64_t step = getStep(), weightStep = getWeightStep(), plane = getPlane(), bits = getBits();
  if (step < 0 || step >= table.getTables())
    return emitOpError() << "names table " << step << " of " << table << " (C2)";
  if (weightStep < 0 || weightStep >= weights.getTables())
    return emitOpError() << "names table " << weightStep << " of " << weights << " (C2)";
  if (bits < 1 || bits > 8 || (acc.isF32() && bits != 1))
    return emitOpError() << "expected "
                         << (acc.isF32() ? "1 bit, since an f32 accumulator holds one plane" : "1 to 8 bits")
                         << ", but found " << bits << " (C3)";
  if (plane < 0 || plane + bits > weights.getPlanes())
    return emitOpError() << "names planes " << plane << " to " << plane + bits - 1 << " of " << weights << " (C2)";
  return success();
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

LogicalResult KernelOp::verify() {
  if (getFunctionType().getNumResults() != 0)
    return emitOpError("must not have results (C2)");
  if (TypeRange(getFunctionType().getInputs()) != TypeRange(getBody().getArgumentTypes()))
    return emitOpError() << "has the type " << getFunctionType() << ", but its region's arguments differ";
  for (auto [index, type] : llvm::enumerate(getFunctionType().getInputs())) {
    auto memref = dyn_cast<MemRefType>(type);
    bool legal = memref && memref.getLayout().isIdentity() && memref.getRank() > 0 &&
                 (memref.getElementType().isInteger(8) || memref.getElementType().isInteger(16) ||
                  memref.getElementType().isF16() || memref.getElementType().isF32());
    for (int64_t dimension = 1; legal && dimension < memref.getRank(); ++dimension)
      legal = !memref.isDynamicDim(dimension);
    if (!legal)
      return emitOpError() << "argument " << index
                           << " must be a buffer of i8, i16, f16 or f32 with identity layout, of which only the first size "
                           << "may be dynamic, but is " << type << " (C1)";
  }
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
