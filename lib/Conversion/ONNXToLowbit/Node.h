//===- Node.h - one ONNX node under conversion ------------------*- C++ -*-===//
//
// A Node is a builder at the node's place and location, with strict access to its inputs and attributes: check() first
// names everything that the lowering understands, and whatever else the node carries is refused there.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_CONVERSION_ONNXTOLOWBIT_NODE_H
#define LUTRA_CONVERSION_ONNXTOLOWBIT_NODE_H

#include "dialects/onnx/IR/ONNXDialect.h"
#include "lib/Conversion/ONNXToLowbit/Graph.h"
#include "mlir/IR/Diagnostics.h"

namespace lutra {

struct ONNXOperator;

/// A node being converted: an op builder with the node's inputs, attributes and outputs.
class Node : public mlir::ImplicitLocOpBuilder {
public:
  Node(onnx::NodeOp op, Graph &graph) : ImplicitLocOpBuilder(op.getLoc(), op), op(op), graph(graph) {}

  /// "node '/layers.0/attn' (com.microsoft.GroupQueryAttention)".
  std::string describe() const;
  /// An error at the node, beginning with its description.
  mlir::InFlightDiagnostic error() const;

  /// The names of what the lowering understands. Inputs and outputs: `name` must be there, `name?` may be left out,
  /// `name!` is refused when there, `name*` takes all the rest. Attributes: `name:kind` with kind i (INT), f (FLOAT),
  /// s (STRING), is (INTS), fs (FLOATS), t (TENSOR); `name:kind!` must be there.
  mlir::LogicalResult check(llvm::ArrayRef<llvm::StringRef> inputs, llvm::ArrayRef<llvm::StringRef> outputs,
                            llvm::ArrayRef<llvm::StringRef> attributes);
  /// Makes check() write what it is given to `description` and fail: the node is none, and nothing is converted.
  void describeInto(ONNXOperator &description) { recorded = &description; }

  unsigned getNumInputs() const { return op->getNumOperands(); }
  unsigned getNumOutputs() const { return op->getNumResults(); }
  int64_t getVersion() { return op.getVersion(); }
  llvm::StringRef getOpType() { return op.getOpType(); }
  llvm::StringRef getDomain() { return op.getDomain(); }
  bool hasInput(unsigned index) { return static_cast<bool>(op.getOptionalInput(index)); }
  /// The input at `index`, or null when it is left out.
  mlir::Value getInput(unsigned index) { return op.getOptionalInput(index); }
  llvm::SmallVector<mlir::Value> getInputs();
  /// Whether the output is a result of the graph and nothing else.
  bool isOnlyReturned(unsigned index) const;
  /// The name that check() was given for the input.
  llvm::StringRef getInputName(unsigned index) const;
  mlir::RankedTensorType getInputType(unsigned index);

  /// Attributes, after check(). An absent one has the default.
  mlir::Attribute getAttr(llvm::StringRef name) { return op.getNodeAttr(name); }
  int64_t getInt(llvm::StringRef name, int64_t defaultValue = 0);
  float getFloat(llvm::StringRef name, float defaultValue);
  llvm::StringRef getString(llvm::StringRef name, llvm::StringRef defaultValue);
  std::optional<llvm::SmallVector<int64_t>> getInts(llvm::StringRef name);
  /// Refuses the integer attribute `name` unless it is absent or `only`.
  mlir::LogicalResult requireInt(llvm::StringRef name, int64_t only);

  /// Refuses the input (when it is there) unless it has one of these element types, and is not unsigned.
  mlir::LogicalResult requireElement(unsigned index, llvm::ArrayRef<mlir::Type> allowed);
  mlir::LogicalResult requireF32(unsigned index) { return requireElement(index, {getF32Type()}); }
  /// Refuses the input (when it is there) unless it is f32 or an integer of 8 to 64 bits, or a bool where those are
  /// allowed.
  mlir::LogicalResult requireNumber(unsigned index, bool allowBool = false);
  mlir::LogicalResult requireRank(unsigned index, int64_t rank);
  /// Refuses the input unless its static sizes are `shape` (kDynamic: any size).
  mlir::LogicalResult requireShape(unsigned index, llvm::ArrayRef<int64_t> shape);

  Dims getDims(mlir::Value value) { return graph.getDims(*this, value); }
  void setDims(mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims) { graph.setDims(value, dims); }
  bool isUnsigned(mlir::Value value) const { return graph.isUnsigned(value); }
  void setUnsigned(mlir::Value value) { graph.setUnsigned(value); }

  mlir::Type getSmallType(mlir::Value value) const { return graph.getSmallType(value); }
  void setSmallType(mlir::Value value, mlir::Type element) { graph.setSmallType(value, element); }
  /// Replaces inputs that are constants of a small type by bytes.
  mlir::LogicalResult unpackSmallConstants();

  /// What the value is made from by DequantizeLinear, or null.
  const QuantizedConstant *getQuantized(mlir::Value value) const { return graph.getQuantized(value); }
  void setQuantized(mlir::Value value, const QuantizedConstant &constant) { graph.setQuantized(value, constant); }

  /// One size for two that must agree: the static one if there is one. Contradicting sizes are an error; sizes that are
  /// not provably equal are compared at run time. `what` says which sizes, as in "the batch of query and key".
  mlir::FailureOr<mlir::OpFoldResult> unify(mlir::OpFoldResult a, mlir::OpFoldResult b, const llvm::Twine &what);
  /// A run-time check: `message` follows the node's description.
  void assertThat(mlir::Value condition, const llvm::Twine &message);
  /// `value` with the static sizes among `dims`.
  mlir::Value refine(mlir::Value value, llvm::ArrayRef<mlir::OpFoldResult> dims);
  mlir::Value toValue(mlir::OpFoldResult size);

  /// States the value of an output. Its type must not contradict what the model declares. Unless told otherwise, it is
  /// unsigned when an input of the same element type is, and codes of a small type when an input is. `isRounded`: f32 becomes what widenHalves() widened.
  mlir::LogicalResult setOutput(unsigned index, mlir::Value value, std::optional<bool> isUnsigned = std::nullopt,
                                bool isRounded = true);

  /// Replaces inputs in f16 or bf16, but for those `kept`, by the same numbers in f32; setOutput() then rounds f32
  /// results to that type.
  mlir::LogicalResult widenHalves(llvm::ArrayRef<unsigned> kept = {});

private:
  onnx::NodeOp op;
  Graph &graph;
  /// The type that f32 outputs are rounded to, or null.
  mlir::FloatType narrow;
  llvm::SmallVector<llvm::StringRef> inputNames;
  ONNXOperator *recorded = nullptr;
};

/// Converts one node, or explains why not.
using Lowering = mlir::LogicalResult (*)(Node &);

} // namespace lutra

#endif // LUTRA_CONVERSION_ONNXTOLOWBIT_NODE_H
