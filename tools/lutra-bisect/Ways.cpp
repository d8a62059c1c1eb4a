//===- Ways.cpp - the ways in which a module is run -----------------------===//
#include "Ways.h"

#include "lutra/Driver/Driver.h"
#include "lutra/Interpreter/Interpreter.h"
#include "lutra/Runtime/Session.h"
#include "lutra/Support/WriteFile.h"
#include "lutra/Target/Target.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace lutra;
using llvm::createStringError;
using llvm::Expected;

Expected<Way> Way::parse(StringRef text) {
  Way way;
  way.text = text.str();
  auto [name, rest] = text.split(':');
  bool interprets = name == "interpret";
  if (!interprets) {
    Expected<std::unique_ptr<Target>> target = createTarget(name);
    if (!target)
      return createStringError("'" + text + "' is no way to run a module: expected interpret, or a target: " +
                               llvm::toString(target.takeError()));
    way.target = name.str();
  }
  while (!rest.empty()) {
    // A pipeline has commas of its own: it is the rest.
    auto [item, after] = rest.starts_with("passes=") ? std::pair(rest, StringRef()) : rest.split(',');
    rest = after;
    auto [key, value] = item.split('=');
    if (!interprets)
      way.targetOptions.push_back((name + "." + item).str());
    else if (key == "passes")
      way.passes = value.str();
    else if (key == "table" && (value == "f32" || value == "i8"))
      way.tables.element = value == "i8" ? lowbit::TableElement::I8 : lowbit::TableElement::F32;
    else
      return createStringError("'" + text +
                               "': expected table=f32, table=i8 or passes=<pipeline> after 'interpret:', "
                               "found '" +
                               item + "'");
  }
  return way;
}

static Expected<std::vector<NpyArray>> interpretAfterPasses(const Way &way, ModuleOp module,
                                                            ArrayRef<NpyArray> inputs) {
  if (!way.passes.empty()) {
    PassManager pm(module.getContext());
    StringRef passes = way.passes;
    if (passes.consume_front("builtin.module(") && !passes.consume_back(")"))
      return createStringError("way '" + way.text + "': the pipeline has an open parenthesis");
    std::string message;
    llvm::raw_string_ostream os(message);
    if (failed(parsePassPipeline(passes, pm, os)))
      return createStringError("way '" + way.text + "': " + message);
    if (failed(pm.run(module)))
      return createStringError("way '" + way.text + "': a pass failed");
  }
  InterpreterOptions options;
  options.tables = way.tables;
  FailureOr<std::vector<NpyArray>> results = interpret(module.lookupSymbol<func::FuncOp>("main"), inputs, options);
  if (failed(results))
    return createStringError("way '" + way.text + "': the module could not be interpreted");
  return std::move(*results);
}

static TensorRef refer(NpyArray &array) { return {array.bytes.data(), array.dtype, array.shape, {}}; }

static Expected<std::vector<NpyArray>> compileAndRun(const Way &way, ModuleOp module, ArrayRef<NpyArray> inputs,
                                                     StringRef folder) {
  SmallString<128> source(folder), artifact(folder);
  llvm::sys::path::append(source, "module.mlirbc");
  llvm::sys::path::append(artifact, "module.lutra");
  if (llvm::Error error = writeFile(source, [&](llvm::raw_ostream &os) {
        return failed(writeBytecodeToFile(module, os)) ? createStringError("cannot write '" + source + "'") : llvm::Error::success();
      }))
    return std::move(error);
  CompileOptions options;
  options.input = source.str();
  options.output = artifact.str();
  options.target = way.target;
  options.targetOptions = way.targetOptions;
  if (failed(compileModel(options, *module.getContext())))
    return createStringError("way '" + way.text + "': the module could not be compiled");
  Expected<std::unique_ptr<Session>> session = Session::open(artifact, {.hashes = HashCheck::None});
  if (!session)
    return session.takeError();
  std::vector<NpyArray> copies(inputs.begin(), inputs.end()), outputs;
  std::vector<TensorRef> inputRefs, outputRefs;
  for (NpyArray &array : copies)
    inputRefs.push_back(refer(array));
  auto shapes = (*session)->inferOutputShapes(inputRefs);
  if (!shapes)
    return shapes.takeError();
  for (const auto &[tensor, shape] : llvm::zip_equal((*session)->getManifest().outputs, *shapes))
    outputs.push_back(NpyArray::zeros(tensor.dtype, shape));
  for (NpyArray &array : outputs)
    outputRefs.push_back(refer(array));
  if (llvm::Error error = (*session)->run(inputRefs, outputRefs))
    return std::move(error);
  return outputs;
}

Expected<std::vector<NpyArray>> lutra::runModule(const Way &way, ModuleOp module, ArrayRef<NpyArray> inputs,
                                                 StringRef folder) {
  return way.target.empty() ? interpretAfterPasses(way, module, inputs) : compileAndRun(way, module, inputs, folder);
}
