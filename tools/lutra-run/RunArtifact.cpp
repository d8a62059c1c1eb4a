//===- RunArtifact.cpp - a compiled model through a session ---------------===//
//
// Outputs are allocated here, at the shapes that the inputs imply.
//
//===----------------------------------------------------------------------===//
#include "Run.h"

#include "lutra/Runtime/Session.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace llvm;
using namespace lutra;

static TensorRef refer(NpyArray &array) { return {array.bytes.data(), array.dtype, array.shape, {}}; }

static void printTimes(std::vector<double> milliseconds) {
  llvm::sort(milliseconds);
  outs() << "runs " << milliseconds.size()
         << format(": min %.3f ms, median %.3f ms, max %.3f ms\n", milliseconds.front(),
                   milliseconds[milliseconds.size() / 2], milliseconds.back());
}

Error lutra::runArtifact(const RunOptions &options) {
  HashCheck hashes = options.verify ? HashCheck::Whole : options.skipHashes ? HashCheck::None : HashCheck::Sample;
  Expected<std::unique_ptr<Session>> session = Session::open(options.path, {.hashes = hashes});
  if (!session)
    return session.takeError();
  const Manifest &manifest = (*session)->getManifest();
  if (options.verify) {
    outs() << options.path << ": every byte is as manifest.json says\n";
    return Error::success();
  }
  if (options.describe) {
    for (const ManifestTensor &tensor : manifest.inputs)
      printTensor("input", tensor.name, tensor.shapeText(), tensor.dtype);
    for (const ManifestTensor &tensor : manifest.outputs)
      printTensor("output", tensor.name, tensor.shapeText(), tensor.dtype);
    return Error::success();
  }
  if (Error error = (*session)->setThreads(options.threads))
    return error;

  std::vector<std::string> names;
  for (const ManifestTensor &tensor : manifest.inputs)
    names.push_back(tensor.name);
  Expected<std::vector<NpyArray>> inputs = readInputs(options, names);
  if (!inputs)
    return inputs.takeError();
  std::vector<TensorRef> inputRefs;
  for (NpyArray &array : *inputs)
    inputRefs.push_back(refer(array));
  auto shapes = (*session)->inferOutputShapes(inputRefs);
  if (!shapes)
    return shapes.takeError();
  std::vector<NpyArray> outputs;
  for (const auto &[tensor, shape] : llvm::zip_equal(manifest.outputs, *shapes))
    outputs.push_back(NpyArray::zeros(tensor.dtype, shape));
  std::vector<TensorRef> outputRefs;
  for (NpyArray &array : outputs)
    outputRefs.push_back(refer(array));

  std::vector<double> milliseconds;
  for (unsigned i = 0; i < options.repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    if (Error error = (*session)->run(inputRefs, outputRefs))
      return error;
    milliseconds.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  for (const auto &[tensor, array] : llvm::zip_equal(manifest.outputs, outputs))
    if (Error error = emitOutput(options, tensor.name, array))
      return error;
  if (options.repeat > 1)
    printTimes(std::move(milliseconds));
  return Error::success();
}
