//===- Device.cpp - the simulator as a device of the run time -------------===//

#include "lutra/Simulator/Device.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/xxhash.h"

using namespace lutra;
using namespace lutra::ltc;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

SimulatorDevice::~SimulatorDevice() {
  if (atEnd)
    atEnd(*simulator);
}

void SimulatorDevice::launch(int32_t kernel, int32_t nargs, void **descs) {
  if (!failure.empty())
    return;
  if (Error error = simulator->launch(static_cast<unsigned>(kernel), static_cast<unsigned>(nargs), descs))
    failure = llvm::toString(std::move(error));
  else if (afterLaunch)
    afterLaunch(*simulator);
}

Error SimulatorDevice::takeError() {
  if (failure.empty())
    return Error::success();
  Error error = llvm::createStringError(llvm::inconvertibleErrorCode(), failure);
  failure.clear();
  return error;
}

/// The bytes of the kernels file, with the size and the hash that the manifest states.
static llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> readKernels(const Manifest &manifest, std::string &path) {
  auto error = [](const Twine &message) { return llvm::createStringError(llvm::inconvertibleErrorCode(), message); };
  std::optional<StringRef> file = manifest.kernels ? manifest.kernels->getString("file") : std::nullopt;
  if (!file)
    return error(manifest.path + ": target 'ltc' needs \"kernels\": {\"file\": ...}; compile the model again");
  path = manifest.pathOf(*file);
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return error("cannot read the kernels '" + path + "': " + buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (std::optional<int64_t> size = manifest.kernels->getInteger("bytes"); size && *size != int64_t(bytes.size()))
    return error("'" + path + "' has " + Twine(bytes.size()) + " bytes, but the manifest says " + Twine(*size) +
                 ": the file is truncated or altered; compile the model again");
  std::string hash = llvm::utohexstr(llvm::xxh3_64bits(bytes), /*LowerCase=*/true, 16);
  if (std::optional<StringRef> expected = manifest.kernels->getString("xxh3"); expected && *expected != hash)
    return error("'" + path + "' has the hash " + hash + ", but the manifest says " + *expected +
                 ": the file is altered; compile the model again");
  return std::move(*buffer);
}

/// The machine that the manifest names; a description that came with the model lies beside it.
static llvm::Expected<Machine> machineFor(const Manifest &manifest, StringRef other) {
  const llvm::json::Object &kernels = *manifest.kernels;
  const std::string array = kernels.getString("array").value_or("").str();
  std::string name = other.empty() ? kernels.getString("machine").value_or(Machine().name).str() : other.str();
  if (other.empty() && name.find_first_of("/\\") != std::string::npos)
    return llvm::createStringError(manifest.path + ": \"machine\" must be the name of a machine or of a file in the artifact, but is '" +
                                   name + "'");
  if (other.empty() && StringRef(name).ends_with(".yaml"))
    name = manifest.pathOf(name);
  llvm::Expected<Machine> machine = loadMachine(name, array);
  if (!machine)
    return llvm::createStringError(manifest.path + ": " + llvm::toString(machine.takeError()));
  return machine;
}

llvm::Expected<std::unique_ptr<SimulatorDevice>> lutra::ltc::loadDevice(const Manifest &manifest, StringRef other) {
  std::string path;
  auto buffer = readKernels(manifest, path);
  if (!buffer)
    return buffer.takeError();
  llvm::Expected<Program> program = readProgram((*buffer)->getBuffer(), path);
  if (!program)
    return program.takeError();
  llvm::Expected<Machine> machine = machineFor(manifest, other);
  if (!machine)
    return machine.takeError();
  auto simulator = Simulator::create(std::move(*program), std::move(*machine));
  if (!simulator)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), path + ": " + llvm::toString(simulator.takeError()));
  return std::make_unique<SimulatorDevice>(std::move(*simulator));
}

void lutra::ltc::registerDevice(std::function<void(SimulatorDevice &)> opened, std::string machine) {
  lutra::registerDevice(kTargetName, [opened, machine](const Manifest &manifest) -> llvm::Expected<std::unique_ptr<Device>> {
    auto device = loadDevice(manifest, machine);
    if (!device)
      return device.takeError();
    if (opened)
      opened(**device);
    return std::move(*device);
  });
}
