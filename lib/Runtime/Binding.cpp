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

static Error badCount(StringRef kind, size_t found, ArrayRef<ManifestTensor> expected) {
  std::string names;
  for (const ManifestTensor &tensor : expected)
    names += (names.empty() ? "" : ", ") + tensor.name;
  return createStringError("the model has " + Twine(expected.size()) + " " + kind + "s (" + names + "), but " +
                           Twine(found) + " were given");
}

/// `named` is looked at for messages alone, and so after an error only.
static Error checkDTypeAndRank(StringRef kind, const Signature::Tensor &expected, const NamedTensor &named, const TensorRef &tensor) {
  if (tensor.dtype != expected.dtype)
    return createStringError(kind + " '" + named->name + "' has element type " + dtypeName(tensor.dtype) + ", expected " +
                             dtypeName(expected.dtype));
  if (tensor.sizes.size() != expected.rank)
    return createStringError(kind + " '" + named->name + "' has shape " + shapeText(tensor.sizes) + " (rank " +
                             Twine(tensor.sizes.size()) + "), expected " + named->shapeText() + " (rank " +
                             Twine(expected.rank) + ")");
  if (!tensor.strides.empty() && tensor.strides.size() != tensor.sizes.size())
    return createStringError(kind + " '" + named->name + "' has " + Twine(tensor.strides.size()) +
                             " strides for rank " + Twine(tensor.sizes.size()));
  for (int64_t size : tensor.sizes)
    if (size < 0)
      return createStringError(kind + " '" + named->name + "' has a negative size: " + shapeText(tensor.sizes));
  return Error::success();
}

Expected<DimBinding> DimBinding::bind(const Manifest &manifest, const Signature &signature, ArrayRef<TensorRef> inputs) {
  if (inputs.size() != signature.getInputs().size())
    return badCount("input", inputs.size(), manifest.inputs);
  DimBinding binding(signature);
  for (auto [index, expected, tensor] : llvm::enumerate(signature.getInputs(), inputs)) {
    const NamedTensor named{manifest.inputs, index};
    if (Error error = checkDTypeAndRank("input", expected, named, tensor))
      return error;
    for (auto [axis, dim, size] : llvm::enumerate(signature.dims(expected), tensor.sizes)) {
      if (dim == Signature::kAnonymous || dim == size)
        continue;
      if (dim >= 0)
        return createStringError("input '" + named->name + "' has shape " + shapeText(tensor.sizes) + ", expected " +
                                 named->shapeText());
      Bound &bound = binding.symbols[Signature::kFirstSymbol - dim];
      if (bound.input < 0)
        bound = {size, static_cast<int64_t>(index)};
      else if (bound.size != size)
        return createStringError("dimension '" + named->shape[axis].symbol + "' is " + Twine(bound.size) + " in input '" +
                                 manifest.inputs[bound.input].name + "', but " + Twine(size) + " in input '" + named->name +
                                 "' (shape " + shapeText(tensor.sizes) + ", expected " + named->shapeText() + ")");
    }
  }
  return binding;
}

int64_t DimBinding::sizeOf(int64_t dim) const {
  if (dim >= 0)
    return dim;
  return dim == Signature::kAnonymous ? 0 : symbols[Signature::kFirstSymbol - dim].size;
}

Session::Shape DimBinding::shapeOf(const Signature::Tensor &output) const {
  Session::Shape shape;
  for (int64_t dim : signature->dims(output))
    shape.push_back(sizeOf(dim));
  return shape;
}

Error DimBinding::checkOutputs(const Manifest &manifest, ArrayRef<TensorRef> outputs) const {
  if (outputs.size() != signature->getOutputs().size())
    return badCount("output", outputs.size(), manifest.outputs);
  for (auto [index, expected, tensor] : llvm::enumerate(signature->getOutputs(), outputs)) {
    const NamedTensor named{manifest.outputs, index};
    if (Error error = checkDTypeAndRank("output", expected, named, tensor))
      return error;
    for (auto [dim, size] : llvm::zip_equal(signature->dims(expected), tensor.sizes))
      if (sizeOf(dim) != size)
        return createStringError("output '" + named->name + "' has shape " + shapeText(tensor.sizes) +
                                 ", but these inputs give " + shapeText(shapeOf(expected)) + " (" + named->shapeText() + ")");
  }
  return Error::success();
}

bool PlainArguments::add(const Signature &signature, const Signature::Tensor &expected, const TensorRef &tensor, bool isOutput) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(tensor.data);
  const size_t rank = expected.rank;
  const bool hasStrides = !tensor.strides.empty();
  if (tensor.dtype != expected.dtype || tensor.sizes.size() != rank || (hasStrides && tensor.strides.size() != rank) || !address ||
      address % dtypeSize(tensor.dtype) != 0)
    return false;
  // Room was reserved: the words stay where they are.
  int64_t *descriptor = words.end();
  words.resize_for_overwrite(words.size() + 3 + 2 * rank);
  ArrayRef<int64_t> dims = signature.dims(expected);
  int64_t elements = 1;
  for (size_t axis = rank; axis-- > 0;) {
    const int64_t size = tensor.sizes[axis], dim = dims[axis];
    if (size <= 0)
      return false;
    if (dim >= 0) {
      if (dim != size)
        return false;
    } else if (dim == Signature::kAnonymous) {
      if (isOutput)
        return false;
    } else {
      int64_t &bound = symbols[Signature::kFirstSymbol - dim];
      if (bound == 0 && !isOutput)
        bound = size;
      if (bound != size)
        return false;
    }
    const bool isInnermost = axis + 1 == rank;
    const int64_t stride = hasStrides ? tensor.strides[axis] : elements;
    if (size > 1 && (isInnermost ? stride != 1 : isOutput && stride == 0))
      return false;
    descriptor[3 + axis] = size;
    descriptor[3 + rank + axis] = isInnermost ? 1 : stride;
    elements *= size;
  }
  descriptor[0] = descriptor[1] = static_cast<int64_t>(address);
  descriptor[2] = 0;
  pointers.push_back(descriptor);
  return true;
}

bool PlainArguments::set(const Signature &signature, ArrayRef<TensorRef> inputs, ArrayRef<TensorRef> outputs) {
  if (inputs.size() != signature.getInputs().size() || outputs.size() != signature.getOutputs().size())
    return false;
  words.reserve(signature.getDescriptorWords());
  pointers.reserve(1 + inputs.size() + outputs.size());
  pointers.push_back(nullptr);
  symbols.resize(signature.getNumSymbols());
  for (const auto &[expected, tensor] : llvm::zip_equal(signature.getInputs(), inputs))
    if (!add(signature, expected, tensor, /*isOutput=*/false))
      return false;
  for (const auto &[expected, tensor] : llvm::zip_equal(signature.getOutputs(), outputs))
    if (!add(signature, expected, tensor, /*isOutput=*/true))
      return false;
  return true;
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

Error Argument::set(const TensorRef &tensor, bool isOutput, const NamedTensor &named) {
  const size_t rank = tensor.sizes.size();
  words.resize_for_overwrite(3 + 2 * rank);
  MutableArrayRef<int64_t> strides = MutableArrayRef(words).drop_front(3 + rank);
  llvm::copy(tensor.sizes, words.begin() + 3);
  int64_t elements = 1;
  for (size_t axis = rank; axis-- > 0; elements *= tensor.sizes[axis])
    strides[axis] = tensor.strides.empty() ? elements : tensor.strides[axis];
  if (!tensor.data && elements != 0)
    return createStringError(Twine(isOutput ? "output" : "input") + " '" + named->name + "' has no data");
  if (isOutput && elements != 0)
    for (const auto &[size, stride] : llvm::zip_equal(tensor.sizes, strides))
      if (size > 1 && stride == 0)
        return createStringError("output '" + named->name +
                                 "' overlaps itself (a stride is 0): give a writable array of its own");

  int64_t elementSize = dtypeSize(tensor.dtype);
  // The stride of a dimension of one element (or of an empty array) is never used, so it may be what the code expects.
  bool isStrided = rank > 0 && tensor.sizes.back() > 1 && elements != 0 && strides.back() != 1;
  char *data = static_cast<char *>(tensor.data);
  if (isStrided || reinterpret_cast<uintptr_t>(data) % elementSize != 0) {
    copy = std::make_unique<Copy>(Copy{{}, tensor, Session::Shape(strides), isOutput});
    // An output is copied in too: the model may leave parts of it as they are.
    copy->data.resize(elements * elementSize);
    Session::Shape contiguous = rowMajorStrides(tensor.sizes);
    copyStrided(copy->data.data(), contiguous, data, strides, tensor.sizes, elementSize);
    data = copy->data.data();
    llvm::copy(contiguous, strides.begin());
  }
  if (rank > 0 && (tensor.sizes.back() <= 1 || elements == 0))
    strides.back() = 1;
  words[0] = words[1] = reinterpret_cast<intptr_t>(data);
  words[2] = 0;
  return Error::success();
}

void Argument::finish() const {
  if (!copy || !copy->isOutput)
    return;
  const TensorRef &original = copy->original;
  copyStrided(static_cast<char *>(original.data), copy->strides, copy->data.data(), rowMajorStrides(original.sizes),
              original.sizes, dtypeSize(original.dtype));
}
