//===- lutra-opt-fuzz.cpp - mutated IR must give diagnostics, not crashes -===//
//
//   lutra-opt-fuzz --seed=1 --seconds=30 --passes=a,b,... --crashes=<folder> seeds.mlir...
//
// Each part of the seed files (divided by '// -----') is a valid module, or one that a verifier refuses. Over and over, one is
// changed at random, parsed and verified, and when it is valid goes through one of the passes. Work is done in a child process; when that dies
// or hangs, its text is written to the folder, with the pass in the first line, and another child goes on. Exit code 1 when any did.
//
//===----------------------------------------------------------------------===//
#include "Mutate.h"
#include "lutra/InitAll.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <chrono>
#include <csignal>
#include <cstring>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace llvm;
using namespace lutra;

namespace {
cl::list<std::string> files(cl::Positional, cl::desc("<seeds.mlir>..."), cl::OneOrMore);
cl::opt<uint64_t> seed("seed", cl::desc("First state of the random numbers"), cl::init(1));
cl::opt<double> seconds("seconds", cl::desc("Stop after this time"), cl::init(30));
cl::list<std::string> passes("passes", cl::CommaSeparated, cl::desc("Passes to run on what is valid"));
cl::opt<std::string> crashes("crashes", cl::desc("Folder for the inputs that crash"), cl::init("."));
cl::opt<unsigned> limit("limit", cl::desc("Stop after so many crashes"), cl::init(20));
cl::opt<unsigned> memory("memory", cl::desc("Address space of the child in MiB; 0: no limit (sanitizers)"), cl::init(8192));

/// What a child shares with its parent: what it is doing, and how much it has done.
struct Shared {
  uint64_t tried, valid, passed;
  uint32_t size;
  char pass[256];
  char text[1 << 20];
};

/// A mutation that takes more of the processor's time is a hang, however busy the machine is.
constexpr unsigned kHangSeconds = 60;
/// Contexts keep all types and attributes that they were shown.
constexpr unsigned kTriesPerContext = 400;

void setCurrent(Shared &shared, StringRef text, StringRef pass) {
  shared.size = std::min(text.size(), sizeof(shared.text));
  std::memcpy(shared.text, text.data(), shared.size);
  size_t length = std::min(pass.size(), sizeof(shared.pass) - 1);
  std::memcpy(shared.pass, pass.data(), length);
  shared.pass[length] = 0;
}

/// Runs `pass` on a module, or on what in it the pass is for; whether it did not fail.
bool runPass(mlir::ModuleOp module, StringRef pass) {
  std::string message;
  for (StringRef anchor : {"", "func.func", "lmma.kernel"}) {
    mlir::PassManager pm(module.getContext(), mlir::ModuleOp::getOperationName());
    raw_string_ostream os(message);
    std::string text = anchor.empty() ? pass.str() : (anchor + "(" + pass + ")").str();
    if (succeeded(mlir::parsePassPipeline(text, pm, os)))
      return succeeded(pm.run(module));
  }
  errs() << "lutra-opt-fuzz: cannot run '" << pass << "': " << message << "\n";
  _exit(3);
}

/// The child: mutates and runs until the time is up.
void work(const fuzz::Mutator &mutator, ArrayRef<std::string> seeds, uint64_t state, double left, Shared &shared) {
  if (memory) {
    rlimit size{rlim_t(memory) << 20, rlim_t(memory) << 20};
    setrlimit(RLIMIT_AS, &size);
  }
  mlir::DialectRegistry registry;
  registerEverything(registry);
  auto now = [] { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); };
  double end = now() + left;
  const itimerval hang{{0, 0}, {kHangSeconds, 0}};
  fuzz::Mutator::Random random(state);
  while (now() < end) {
    mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
    // Diagnostics are what is asked for; they go nowhere.
    context.getDiagEngine().registerHandler([](mlir::Diagnostic &) { return success(); });
    for (unsigned i = 0; i < kTriesPerContext && now() < end; ++i) {
      setitimer(ITIMER_PROF, &hang, nullptr);
      std::string text = mutator.mutate(seeds[random() % seeds.size()], random);
      ++shared.tried;
      setCurrent(shared, text, "parse and verify");
      mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
      if (!module || passes.empty())
        continue;
      ++shared.valid;
      const std::string &pass = passes[random() % passes.size()];
      setCurrent(shared, text, pass);
      shared.passed += runPass(*module, pass);
    }
  }
  _exit(0);
}

/// Writes what the child was doing to a file, and says so.
void report(const Shared &shared, int status, unsigned number) {
  SmallString<128> path(crashes);
  sys::path::append(path, "crash" + Twine(number) + ".mlir");
  std::error_code error;
  raw_fd_ostream os(path, error);
  os << "// lutra-opt " << (StringRef(shared.pass) == "parse and verify" ? "" : "--") << shared.pass << "\n"
     << StringRef(shared.text, shared.size);
  outs() << "CRASH: ";
  if (WIFSIGNALED(status))
    outs() << (WTERMSIG(status) == SIGPROF ? "hangs" : strsignal(WTERMSIG(status)));
  else
    outs() << "exit code " << WEXITSTATUS(status);
  outs() << " in " << shared.pass << ": " << path << "\n";
  outs().flush();
}
} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Runs lutra-opt's parser, verifiers and passes on mutated IR\n");
  mlir::registerAllPasses();
  registerAllLutraPasses();
  fuzz::Mutator mutator;
  std::vector<std::string> seeds;
  for (const std::string &file : files) {
    ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(file);
    if (!buffer) {
      errs() << "lutra-opt-fuzz: cannot read '" << file << "'\n";
      return 2;
    }
    StringRef rest = (*buffer)->getBuffer();
    while (!rest.empty()) {
      auto [part, others] = rest.split("// -----");
      // Comments are most of a test, and none of the IR.
      std::string text;
      for (StringRef line : split(part, '\n'))
        if (!line.ltrim().starts_with("//"))
          text += (line + "\n").str();
      if (text.size() < 20000 && text.find('%') != std::string::npos) {
        mutator.learn(text);
        seeds.push_back(std::move(text));
      }
      rest = others;
    }
  }
  if (seeds.empty()) {
    errs() << "lutra-opt-fuzz: the files hold no modules\n";
    return 2;
  }
  auto *shared = static_cast<Shared *>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  std::memset(shared, 0, offsetof(Shared, text));
  auto begin = std::chrono::steady_clock::now();
  unsigned found = 0;
  for (uint64_t state = seed; found < limit; ++state) {
    double left = seconds - std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (left <= 0)
      break;
    pid_t child = fork();
    if (child == 0)
      work(mutator, seeds, state * 0x9e3779b97f4a7c15, left, *shared);
    int status = 0;
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
      break;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 3)
      return 2;
    report(*shared, status, found++);
  }
  outs() << "seed " << seed << ": " << shared->tried << " mutations of " << seeds.size() << " modules, " << shared->valid << " valid, "
         << shared->passed << " passed their pass, " << found << " crashes\n";
  return found ? 1 : 0;
}
