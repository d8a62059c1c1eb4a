//===- Binding.cpp - checks arrays, binds dimensions, makes descriptors ---===//
//
// Everything that the compiled code relies on is checked here: it has no checks of its own on its arguments.
//
//===----------------------------------------------------------------------===//
#include "Binding.h"

#include "lutra/Support/Npy.h"
#include "llvm/ADT/Twine.h"
#include <cstring>

using namespace llvm;
using namespace lutra;

static Error checkCount(StringRef kind, size_t found, ArrayRef<ManifestTensor> expected) {
  if (found == expected.size())
    return Error::success();
  std::string names;
  for (const ManifestTensor &tensor : expected)
    names += (names.empty() ? "" : ", ") + tensor.name;
  return createStringError("the model has " + Twine(expected.size()) + " " + kind + "s (" + names + "), but " +
                           Twine(found) + " were given");
}

static Error checkDTypeAndRank(StringRef kind, const ManifestTensor &expected, const TensorRef &tensor) {
  if (tensor.dtype != expected.dtype)
    return createStringError(kind + " '" + expected.name + "' has element type " + dtypeName(tensor.dtype) +
                             ", expected " + dtypeName(expected.dtype));
  if (tensor.sizes.size() != expected.shape.size())
    return createStringError(kind + " '" + expected.name + "' has shape " + shapeText(tensor.sizes) + " (rank " +
                             Twine(tensor.sizes.size()) + "), expected " + expected.shapeText() + " (rank " +
                             Twine(expected.shape.size()) + ")");
  if (!tensor.strides.empty() && tensor.strides.size() != tensor.sizes.size())
    return createStringError(kind + " '" + expected.name + "' has " + Twine(tensor.strides.size()) +
                             " strides for rank " + Twine(tensor.sizes.size()));
  for (int64_t size : tensor.sizes)
    if (size < 0)
      return createStringError(kind + " '" + expected.name + "' has a negative size: " + shapeText(tensor.sizes));
  return Error::success();
}

Expected<DimBinding> DimBinding::bind(const Manifest &manifest, ArrayRef<TensorRef> inputs) {
  if (Error error = checkCount("input", inputs.size(), manifest.inputs))
    return error;
  DimBinding binding;
  for (const auto &[expected, tensor] : llvm::zip_equal(manifest.inputs, inputs)) {
    if (Error error = checkDTypeAndRank("input", expected, tensor))
      return error;
    for (const auto &[dim, size] : llvm::zip_equal(expected.shape, tensor.sizes)) {
      if (dim.isAnonymous())
        continue;
      if (dim.isStatic()) {
        if (size != dim.size)
          return createStringError("input '" + expected.name + "' has shape " + shapeText(tensor.sizes) +
                                   ", expected " + expected.shapeText());
        continue;
      }
      auto [it, inserted] = binding.symbols.try_emplace(dim.symbol, Bound{size, expected.name});
      if (!inserted && it->second.size != size)
        return createStringError("dimension '" + dim.symbol + "' is " + Twine(it->second.size) + " in input '" +
                                 it->second.input + "', but " + Twine(size) + " in input '" + expected.name +
                                 "' (shape " + shapeText(tensor.sizes) + ", expected " + expected.shapeText() + ")");
    }
  }
  return binding;
}

Session::Shape DimBinding::shapeOf(const ManifestTensor &output) const {
  Session::Shape shape;
  for (const ManifestDim &dim : output.shape)
    shape.push_back(dim.isStatic() ? dim.size : symbols.lookup(dim.symbol).size);
  return shape;
}

Error DimBinding::checkOutputs(const Manifest &manifest, ArrayRef<TensorRef> outputs) const {
  if (Error error = checkCount("output", outputs.size(), manifest.outputs))
    return error;
  for (const auto &[expected, tensor] : llvm::zip_equal(manifest.outputs, outputs)) {
    if (Error error = checkDTypeAndRank("output", expected, tensor))
      return error;
    Session::Shape shape = shapeOf(expected);
    if (ArrayRef<int64_t>(shape) != tensor.sizes)
      return createStringError("output '" + expected.name + "' has shape " + shapeText(tensor.sizes) +
                               ", but these inputs give " + shapeText(shape) + " (" + expected.shapeText() + ")");
  }
  return Error::success();
}

/// Copies between two strided arrays of one shape. Strides are in elements.
static void copyStrided(char *to, ArrayRef<int64_t> toStrides, const char *from, ArrayRef<int64_t> fromStrides,
                        ArrayRef<int64_t> sizes, int64_t elementSize) {
  if (sizes.empty()) {
    std::memcpy(to, from, elementSize);
    return;
  }
  for (int64_t i = 0; i < sizes.front(); ++i)
    copyStrided(to + i * toStrides.front() * elementSize, toStrides.drop_front(),
                from + i * fromStrides.front() * elementSize, fromStrides.drop_front(), sizes.drop_front(),
                elementSize);
}

Expected<Argument> Argument::make(const TensorRef &tensor, bool isOutput, StringRef name) {
  Argument argument;
  argument.original = tensor;
  argument.isOutput = isOutput;
  int64_t elements = 1;
  for (int64_t size : tensor.sizes)
    elements *= size;
  if (!tensor.data && elements != 0)
    return createStringError(Twine(isOutput ? "output" : "input") + " '" + name + "' has no data");
  Session::Shape contiguous = rowMajorStrides(tensor.sizes);
  argument.strides = tensor.strides.empty() ? contiguous : Session::Shape(tensor.strides);
  if (isOutput && elements != 0)
    for (const auto &[size, stride] : llvm::zip_equal(tensor.sizes, argument.strides))
      if (size > 1 && stride == 0)
        return createStringError("output '" + name +
                                 "' overlaps itself (a stride is 0): give a writable array of its own");

  int64_t elementSize = dtypeSize(tensor.dtype);
  Session::Shape strides = argument.strides;
  // The stride of a dimension of one element (or of an empty array) is never used, so it may be what the code expects.
  if (!strides.empty() && (tensor.sizes.back() <= 1 || elements == 0))
    strides.back() = 1;
  char *data = static_cast<char *>(tensor.data);
  bool needsCopy = !strides.empty() && strides.back() != 1;
  needsCopy |= reinterpret_cast<uintptr_t>(data) % elementSize != 0;
  if (needsCopy) {
    // An output is copied in too: the model may leave parts of it as they are.
    argument.copy.resize(elements * elementSize);
    copyStrided(argument.copy.data(), contiguous, data, argument.strides, tensor.sizes, elementSize);
    data = argument.copy.data();
    strides = contiguous;
  }
  int64_t address = reinterpret_cast<intptr_t>(data);
  argument.words = {address, address, 0};
  argument.words.append(tensor.sizes.begin(), tensor.sizes.end());
  argument.words.append(strides.begin(), strides.end());
  return argument;
}

void Argument::finish() const {
  if (copy.empty() || !isOutput)
    return;
  copyStrided(static_cast<char *>(original.data), strides, copy.data(), rowMajorStrides(original.sizes), original.sizes,
              dtypeSize(original.dtype));
}
