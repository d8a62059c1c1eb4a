//===- LmmaLoops.cpp - lmma.for -------------------------------------------===//

#include "dialects/lmma/IR/Lmma.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace lutra::lmma;

void ForOp::build(OpBuilder &builder, OperationState &state, BoundAttr lower, BoundAttr upper, int64_t step,
                  ValueRange inits, function_ref<SmallVector<Value>(OpBuilder &, Value, ValueRange)> body) {
  state.addAttribute(getLowerAttrName(state.name), lower);
  state.addAttribute(getUpperAttrName(state.name), upper);
  state.addAttribute(getStepAttrName(state.name), builder.getI64IntegerAttr(step));
  state.addOperands(inits);
  state.addTypes(inits.getTypes());
  Region *region = state.addRegion();
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(region);
  block->addArgument(builder.getIndexType(), state.location);
  for (Type type : inits.getTypes())
    block->addArgument(type, state.location);
  SmallVector<Value> carried = body(builder, block->getArgument(0), block->getArguments().drop_front());
  YieldOp::create(builder, state.location, carried);
}

YieldOp ForOp::getYield() { return cast<YieldOp>(getBody().front().getTerminator()); }

/// `12`, `rows(16)`
static ParseResult parseBound(OpAsmParser &parser, Attribute &bound) {
  int64_t constant = 0, multiple = 0;
  if (succeeded(parser.parseOptionalKeyword("rows"))) {
    SMLoc loc;
    if (parser.parseLParen() || parser.getCurrentLocation(&loc) || parser.parseInteger(multiple) ||
        parser.parseRParen())
      return failure();
    if (multiple < 1)
      return parser.emitError(loc) << "expected a multiple of at least 1, but found " << multiple;
  } else if (parser.parseInteger(constant)) {
    return failure();
  }
  bound = BoundAttr::get(parser.getContext(), constant, multiple);
  return success();
}

static void printBound(OpAsmPrinter &printer, BoundAttr bound) {
  if (bound.getMultiple())
    printer << "rows(" << bound.getMultiple() << ")";
  else
    printer << bound.getConstant();
}

ParseResult ForOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::Argument counter;
  counter.type = parser.getBuilder().getIndexType();
  Attribute lower, upper;
  int64_t step;
  if (parser.parseArgument(counter) || parser.parseEqual() || parseBound(parser, lower) || parser.parseKeyword("to") ||
      parseBound(parser, upper) || parser.parseKeyword("step") || parser.parseInteger(step))
    return failure();
  SmallVector<OpAsmParser::Argument> arguments{counter};
  if (succeeded(parser.parseOptionalKeyword("carry"))) {
    auto one = [&]() -> ParseResult {
      OpAsmParser::Argument argument;
      OpAsmParser::UnresolvedOperand init;
      if (parser.parseArgument(argument) || parser.parseEqual() || parser.parseOperand(init) ||
          parser.parseColonType(argument.type) || parser.resolveOperand(init, argument.type, result.operands))
        return failure();
      arguments.push_back(argument);
      result.addTypes(argument.type);
      return success();
    };
    if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, one))
      return failure();
  }
  result.addAttribute(getLowerAttrName(result.name), lower);
  result.addAttribute(getUpperAttrName(result.name), upper);
  result.addAttribute(getStepAttrName(result.name), parser.getBuilder().getI64IntegerAttr(step));
  if (parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  Region *body = result.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  if (body->empty())
    body->emplaceBlock();
  Block &block = body->front();
  if (block.empty() || !block.back().hasTrait<OpTrait::IsTerminator>()) {
    OpBuilder builder(parser.getContext());
    builder.setInsertionPointToEnd(&block);
    YieldOp::create(builder, result.location, ValueRange());
  }
  return success();
}

void ForOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getCounter() << " = ";
  printBound(printer, getLower());
  printer << " to ";
  printBound(printer, getUpper());
  printer << " step " << getStep();
  if (!getInits().empty()) {
    printer << " carry(";
    llvm::interleaveComma(llvm::zip(getCarried(), getInits()), printer, [&](auto pair) {
      auto [argument, init] = pair;
      printer << argument << " = " << init << " : " << init.getType();
    });
    printer << ')';
  }
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getLowerAttrName(), getUpperAttrName(), getStepAttrName()});
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false, /*printBlockTerminators=*/!getInits().empty());
}

LogicalResult ForOp::verify() {
  if (static_cast<int64_t>(getStep()) < 1)
    return emitOpError() << "expected a positive step, but found " << static_cast<int64_t>(getStep()) << " (C1)";
  for (BoundAttr bound : {getLower(), getUpper()})
    if (bound.getMultiple() < 0 || bound.getConstant() < 0)
      return emitOpError("expected bounds that are not negative (C1)");
  Block &block = getBody().front();
  if (block.getNumArguments() != getInits().size() + 1 || !block.getArgument(0).getType().isIndex())
    return emitOpError() << "expected a region with an index and " << getInits().size() << " carried values (C2)";
  auto yield = dyn_cast<YieldOp>(block.back());
  if (!yield)
    return emitOpError("expected lmma.yield at the end of the region");
  TypeRange types = getInits().getTypes();
  if (TypeRange(block.getArgumentTypes()).drop_front() != types || TypeRange(yield.getValues().getTypes()) != types ||
      TypeRange(getResultTypes()) != types)
    return emitOpError(
        "initial values, region arguments, yielded values and results must agree in number and type (C2)");
  return success();
}
