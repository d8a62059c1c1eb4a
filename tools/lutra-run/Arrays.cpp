//===- Arrays.cpp - the arrays that a run reads and writes ----------------===//
//
// Shared by the tools that run models: .npy files in, shapes printed, .npy files out.
//
//===----------------------------------------------------------------------===//
#include "Run.h"

#include "lutra/Support/ArrayElements.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

Expected<std::vector<NpyArray>> lutra::readInputs(const RunOptions &options, ArrayRef<std::string> names) {
  StringMap<std::string> files;
  for (const auto &[name, file] : options.inputs) {
    if (!llvm::is_contained(names, name))
      return createStringError("there is no input '" + name + "' (the inputs are: " + llvm::join(names, ", ") + ")");
    if (!files.try_emplace(name, file).second)
      return createStringError("input '" + name + "' is given twice");
  }
  std::vector<NpyArray> arrays;
  for (const std::string &name : names) {
    auto it = files.find(name);
    if (it == files.end())
      return createStringError("input '" + name + "' is not given: add --input " + name + "=file.npy");
    Expected<NpyArray> array = readNpy(it->second);
    if (!array)
      return array.takeError();
    arrays.push_back(std::move(*array));
  }
  return arrays;
}

void lutra::printTensor(StringRef kind, StringRef name, const Twine &shape, DType dtype) {
  outs() << kind << " " << name << ": " << shape << " " << dtypeName(dtype) << "\n";
}

Error lutra::emitOutput(const RunOptions &options, StringRef name, const NpyArray &array) {
  printTensor("output", name, shapeText(array.shape), array.dtype);
  if (options.print)
    outs() << "  " << arrayText(array) << "\n";
  if (options.outputDir.empty())
    return Error::success();
  if (std::error_code ec = sys::fs::create_directories(options.outputDir))
    return createStringError("cannot create '" + options.outputDir + "': " + ec.message());
  // Names such as "/layers.0/k" must not lead out of the directory.
  std::string file = name.str();
  llvm::replace(file, '/', '_');
  SmallString<128> path(options.outputDir);
  sys::path::append(path, file + ".npy");
  return writeNpy(path, array);
}
