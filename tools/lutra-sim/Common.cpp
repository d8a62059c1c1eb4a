//===- Common.cpp - flags and errors of the commands -------------------------===//
#include "Common.h"

#include "lutra/Support/WriteFile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/WithColor.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace lutra;

int lutra::report(Error error) {
  if (!error)
    return 0;
  outs().flush();
  handleAllErrors(std::move(error),
                  [](const ErrorInfoBase &info) { WithColor::error(errs(), "lutra-sim") << info.message() << "\n"; });
  return 1;
}

Error lutra::writeJson(StringRef path, json::Value value) {
  if (path.empty())
    return Error::success();
  return writeFile(path, [&](raw_ostream &os) {
    os << formatv("{0:2}", value) << "\n";
    return Error::success();
  });
}

Expected<ltc::ProductTypes> lutra::typesOf(StringRef precision) {
  if (precision == "fp16")
    return ltc::f16Product();
  if (precision == "fp8")
    return ltc::f8Product();
  if (precision == "int8")
    return ltc::i8Product();
  unsigned bits = 0;
  StringRef digits = precision;
  if (digits.consume_front("w") && !digits.getAsInteger(10, bits) && bits >= 1 && bits <= 8)
    return ltc::lookupProduct(bits);
  return createStringError("unknown precision '" + precision + "'; expected fp16, fp8, int8, or w1 to w8");
}

Error lutra::checkUnit(const ltc::Accelerator &machine, const ltc::ProductTypes &types) {
  // Attention multiplies f16.
  for (StringRef unit : {StringRef(types.unit), StringRef("f16")})
    if (!machine.unit(unit))
      return createStringError("the machine '" + machine.name + "' has no unit '" + unit + "'");
  return Error::success();
}

LayerFlags::LayerFlags(cl::OptionCategory &category)
    : machine{"machine", cl::desc("Name of a machine, or a .yaml file (default a100-lut-4x)"), cl::init("a100-lut-4x"),
              cl::cat(category)},
      precision{"precision", cl::desc("fp16, fp8, int8, or w1 to w8 (default w2)"), cl::init("w2"), cl::cat(category)},
      batch{"batch", cl::desc("Sequences (default 1)"), cl::init(1), cl::cat(category)},
      prefill{"prefill", cl::desc("Tokens of a prompt; without it one step of decode"), cl::init(0), cl::cat(category)},
      context{"context", cl::desc("Tokens before a step of decode (default 2048)"), cl::init(2048), cl::cat(category)} {
}

Expected<LayerFlags::Layer> LayerFlags::read(StringRef name) const {
  Expected<ltc::Accelerator> accelerator = ltc::loadAccelerator(machine);
  if (!accelerator)
    return accelerator.takeError();
  Expected<ltc::ModelShape> model = ltc::modelShape(name);
  if (!model)
    return model.takeError();
  Expected<ltc::ProductTypes> types = typesOf(precision);
  if (!types)
    return types.takeError();
  if (Error error = checkUnit(*accelerator, *types))
    return std::move(error);
  if (batch <= 0 || context <= 0 || prefill < 0)
    return createStringError("--batch and --context are above 0, --prefill is not negative");
  const ltc::Step step = prefill ? ltc::Step{true, batch, prefill, prefill} : ltc::Step{false, batch, 1, context};
  Layer layer{*accelerator, *model, *types, step, ltc::fusedLayer(*model, step, *types)};
  for (const ltc::TileKernel &kernel : layer.kernels)
    if (Error error = ltc::checkRuns(kernel, layer.machine))
      return std::move(error);
  return layer;
}
