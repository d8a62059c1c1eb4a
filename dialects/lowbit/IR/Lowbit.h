//===- Lowbit.h - the lowbit dialect ----------------------------*- C++ -*-===//
//
// Mixed-precision matrix products with low-bit weights: weights and lookup tables as values, formats as attributes.
// Weights.h evaluates them; docs/spec/numerics.md defines the arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
#define LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <memory>
#include <optional>
#include <string>

#include "dialects/lowbit/IR/LowbitEnums.h.inc"

namespace lutra::lowbit {
/// Activations of one table: the k of the paper, and what tables of ternary weights may have instead (docs/spec/numerics.md, "Tables of three").
inline constexpr int64_t kTableWidth = 4, kTripleWidth = 3;

/// Tables of `width` activations per group of `group` elements. Of four an even number, since a code byte indexes two.
inline int64_t getTablesPerGroup(int64_t group, int64_t width = kTableWidth) {
  return width == kTripleWidth ? (group + 2) / 3 : (group + 7) / 8 * 2;
}

/// Calls `visit(width)` for the runs that packed planes are cut into, of 4, then 2, then 1 planes.
template <typename Visit> void forEachPlaneRun(unsigned planes, Visit visit) {
  for (unsigned plane = 0; plane < planes;) {
    const unsigned left = planes - plane, width = left >= 4 ? 4 : left >= 2 ? 2 : 1;
    visit(width);
    plane += width;
  }
}

class WeightFormatInterface;
class WeightOp;
/// What reads a constant weight (WeightSource.h).
class WeightSource;
using WeightSourcePtr = std::shared_ptr<const WeightSource>;

/// A component that a format asks for: its name and exact type.
struct ExpectedComponent {
  std::string name;
  mlir::RankedTensorType type;
};

/// `components` are exactly `expected`, each dense or dense_resource elements of the stated type.
llvm::LogicalResult verifyComponentsAre(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                        llvm::ArrayRef<ExpectedComponent> expected, mlir::DictionaryAttr components);
/// The answers of formats that cannot be reinterpreted as `to`, or read at all: a diagnostic.
llvm::LogicalResult refuseReinterpret(llvm::function_ref<mlir::InFlightDiagnostic()> emitError,
                                      WeightFormatInterface from, WeightFormatInterface to);
WeightSourcePtr refuseSource(WeightOp &op, WeightFormatInterface format);
} // namespace lutra::lowbit

#include "dialects/lowbit/IR/LowbitAttrInterfaces.h.inc"
#include "dialects/lowbit/IR/LowbitOpInterfaces.h.inc"

#include "dialects/lowbit/IR/LowbitDialect.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/lowbit/IR/LowbitAttributes.h.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/lowbit/IR/LowbitTypes.h.inc"

#define GET_OP_CLASSES
#include "dialects/lowbit/IR/LowbitOps.h.inc"

namespace lutra::lowbit {

/// Bits of an index into a layout's codebook, and codes that it has at most: what a byte shuffle looks up.
inline constexpr unsigned kCodebookIndexBits = 4;
inline constexpr int64_t kCodebookEntries = 1 << kCodebookIndexBits;

/// Whether a component of scales or alphas may have elements of `type`: f32, f16, bf16, f8E8M0FNU or f8E4M3FN.
bool isScaleType(mlir::Type type);

/// Checks what every format has: its bits (1 to 8, named `what`), the length of its groups, the type of its scales.
llvm::LogicalResult verifyCodes(llvm::function_ref<mlir::InFlightDiagnostic()> emitError, llvm::StringRef what,
                                unsigned bits, int64_t group);
llvm::LogicalResult verifyScaleType(llvm::function_ref<mlir::InFlightDiagnostic()> emitError, mlir::Type type);

/// The types of the components of an N x K weight.
class ComponentTypes {
public:
  ComponentTypes(WeightFormatInterface format, int64_t rows, int64_t cols);
  /// N x G x ceil(group * bits / 8) bytes, or `groupBytes` instead.
  mlir::RankedTensorType codes() const;
  mlir::RankedTensorType codes(int64_t groupBytes) const;
  /// One `element` for each group, channel or tensor: N x G, N x 1 or 1 x 1, then the `last` dimensions.
  mlir::RankedTensorType shared(mlir::Type element, llvm::ArrayRef<int64_t> last = {}) const;

private:
  WeightFormatInterface format;
  int64_t rows, groups;
};

/// Whether entries are integers, which stand for themselves times a scale.
inline bool isQuantized(TableElement element) { return element == TableElement::I16 || element == TableElement::I8; }

/// The largest magnitude of a quantized entry.
inline int64_t getLargestEntry(TableElement element) { return element == TableElement::I8 ? 127 : 32767; }

/// A kind of tables: `#lowbit.table_kind` outside of the IR.
struct TableKind {
  TableElement element = TableElement::I8;
  TableScale scale = TableScale::Group;
  /// Activations of a table: kTableWidth, or kTripleWidth for ternary weights.
  int64_t width = kTableWidth;
  bool operator==(const TableKind &) const = default;
};

mlir::Type getElementType(mlir::MLIRContext *context, TableElement element);
/// Nothing when tables have no entries of `type`.
std::optional<TableElement> getTableElement(mlir::Type type);
TableKindAttr getKindAttr(mlir::MLIRContext *context, TableKind kind);
TableKind getKind(TableKindAttr attr);

/// Scales of a row of `groups` groups of `tables` tables.
inline int64_t getScalesPerRow(TableScale scale, int64_t groups, int64_t tables) {
  return scale == TableScale::Row ? 1 : scale == TableScale::Group ? groups : groups * tables;
}

/// Whether `format` is made of bit planes (bipolar or BCQ), and so can be looked up and packed.
inline bool isPlanesFormat(WeightFormatInterface format) { return mlir::isa<BipolarAttr, BCQAttr>(format); }

/// Whether codes 0, 1 and 2 of `format` are -1, 0 and 1 times a scale: two planes with an alpha, and zeta 1.
inline bool isTernary(WeightFormatInterface format) {
  auto bipolar = mlir::dyn_cast<BipolarAttr>(format);
  return bipolar && bipolar.getPlanes() == 2 && bipolar.getZeta() && bipolar.getZeta().getValue().isExactlyValue(1.0);
}

/// Verifies the epilogue of a product with an M x N result: the region is empty and there are no operands, or it takes an output and
/// an element of each operand, all f32, computes element-wise and yields an f32. `constraint` is how the op's description calls this.
llvm::LogicalResult verifyEpilogue(mlir::Operation *op, mlir::Region &epilogue, mlir::ValueRange operands, int64_t rows,
                                   int64_t channels, llvm::StringRef constraint);

/// Whether `op` may stand in an epilogue: a constant, or element-wise (so that it means the same on vectors).
bool isEpilogueOp(mlir::Operation *op);

/// Makes `lowbit.attention` bufferizable.
void registerBufferizableOpInterfaceExternalModels(mlir::DialectRegistry &registry);

} // namespace lutra::lowbit

#endif // LUTRA_DIALECTS_LOWBIT_IR_LOWBIT_H
