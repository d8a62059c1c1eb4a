//===- driver.cpp - times compiled products, reads and instruction mixes --===//
//
// A worker process: one request a line on stdin, one JSON object a line on stdout. What is opened stays open, so that requests can
// alternate with those to other workers. Timing is Google Benchmark's.
//
//   open NAME FOLDER COPIES ROWS COLS  opens FOLDER/0 .. FOLDER/(COPIES - 1)           {}
//   time NAME THREADS M SECONDS        nanoseconds of one call                         {"ns": ..., "calls": ...}
//   close NAME                                                                         {}
//   reads THREADS KIB SECONDS          GB/s, see Streams.h                             {"streams1": ..., "best": ...}
//   peaks THREADS SECONDS              10^9 operations a second, see Peak.h            {"fp32": ..., ...}
//   region THREADS SECONDS             nanoseconds of an empty OpenMP parallel region  {"ns": ...}
//
// A request that fails is answered by {"error": "..."}. Usage: driver LIBRARY (the path of libLutraC.so)
//
//===----------------------------------------------------------------------===//
#include "Peak.h"
#include "Products.h"
#include "Streams.h"

#include <benchmark/benchmark.h>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <map>
#include <sstream>

using namespace lutra::bench;

namespace {
/// Keeps the one run of the one benchmark.
class LastRun : public benchmark::BenchmarkReporter {
public:
  bool ReportContext(const Context &) override { return true; }
  void ReportRuns(const std::vector<Run> &runs) override { last = runs.front(); }

  Run last;
};

class Driver {
public:
  explicit Driver(const Library &library) : library(library) {}

  /// The answer to a request.
  std::string answer(const std::string &line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "open")
      return open(words);
    if (verb == "time")
      return time(words);
    if (verb == "close")
      return close(words);
    if (verb == "reads")
      return reads(words);
    if (verb == "peaks")
      return peaks(words);
    if (verb == "region")
      return region(words);
    return error("unknown request '" + verb + "': expected open, time, close, reads, peaks or region");
  }

private:
  static std::string error(const std::string &text) {
    std::string json = "{\"error\": \"";
    for (char c : text) {
      if (c == '"' || c == '\\')
        json += '\\';
      json += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return json + "\"}";
  }

  std::string open(std::istringstream &words) {
    std::string name, folder, message;
    int copies = 0;
    int64_t rows = 0, cols = 0;
    if (!(words >> name >> folder >> copies >> rows >> cols) || copies < 1)
      return error("expected: open NAME FOLDER COPIES ROWS COLS");
    std::unique_ptr<Product> product = Product::open(library, folder, copies, cols, rows, message);
    if (!product)
      return error(message);
    products[name] = std::move(product);
    return "{}";
  }

  std::string time(std::istringstream &words) {
    std::string name;
    int threads = 0;
    int64_t m = 0;
    double seconds = 0;
    if (!(words >> name >> threads >> m >> seconds) || threads < 1 || m < 1)
      return error("expected: time NAME THREADS M SECONDS");
    auto found = products.find(name);
    if (found == products.end())
      return error("'" + name + "' is not open");
    Product &product = *found->second;
    product.setThreads(threads);
    product.setActivations(m);
    std::string message;
    benchmark::ClearRegisteredBenchmarks();
    auto *timed = benchmark::RegisterBenchmark("product", [&](benchmark::State &state) {
      for (auto _ : state)
        if (!product.run(message)) {
          state.SkipWithError(message.c_str());
          break;
        }
    });
    timed->UseRealTime()->Unit(benchmark::kNanosecond);
    // How many calls fill the time is found once: later repetitions need no trial runs.
    int64_t &calls = known[name][{threads, m}];
    if (calls)
      timed->Iterations(calls);
    else
      timed->MinTime(seconds);
    LastRun reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    if (!message.empty())
      return error(message);
    const double ns = reporter.last.GetAdjustedRealTime();
    std::ostringstream json;
    json << "{\"ns\": " << ns << ", \"calls\": " << reporter.last.iterations << "}";
    // The trial runs overshoot, and the first of them touched the weights for the first time.
    calls = std::max<int64_t>(1, std::llround(seconds * 1e9 / ns));
    return json.str();
  }

  std::string close(std::istringstream &words) {
    std::string name;
    words >> name;
    known.erase(name);
    return products.erase(name) ? "{}" : error("'" + name + "' is not open");
  }

  std::string reads(std::istringstream &words) {
    int threads = 0;
    size_t kibibytes = 0;
    double seconds = 0;
    if (!(words >> threads >> kibibytes >> seconds) || threads < 1 || kibibytes < 16 * size_t(threads))
      return error("expected: reads THREADS KIB SECONDS, with 16 KiB or more a thread");
    const size_t bytes = kibibytes << 10;
    if (!buffer || buffer->size() != bytes)
      buffer = std::make_unique<Buffer>(bytes);
    if (buffer->size() == 0) {
      buffer.reset();
      return error("cannot map " + std::to_string(kibibytes) + " KiB");
    }
    const ReadRates rates = measureReads(*buffer, threads, seconds);
    std::ostringstream json;
    json << "{\"streams1\": " << rates.streams1 << ", \"streams4\": " << rates.streams4
         << ", \"streams8\": " << rates.streams8 << ", \"best\": " << rates.best() << "}";
    return json.str();
  }

  std::string peaks(std::istringstream &words) {
    int threads = 0;
    double seconds = 0;
    if (!(words >> threads >> seconds) || threads < 1)
      return error("expected: peaks THREADS SECONDS");
    std::ostringstream json;
    const char *separator = "{";
    for (const auto &[name, rate] : measurePeaks(threads, seconds)) {
      json << separator << '"' << name << "\": " << rate;
      separator = ", ";
    }
    return json.str() + "}";
  }

  std::string region(std::istringstream &words) {
    using Clock = std::chrono::steady_clock;
    constexpr int batch = 200;
    int threads = 0;
    double seconds = 0;
    if (!(words >> threads >> seconds) || threads < 1)
      return error("expected: region THREADS SECONDS");
    int64_t regions = 0;
    Clock::time_point start;
    std::chrono::duration<double, std::nano> taken{0};
    do {
      for (int i = 0; i < batch; ++i) {
#pragma omp parallel num_threads(threads)
        asm volatile("" ::: "memory");
      }
      // The first ones start the threads.
      if (regions == 0)
        start = Clock::now();
      regions += batch;
      taken = Clock::now() - start;
    } while (taken.count() < seconds * 1e9);
    std::ostringstream json;
    json << "{\"ns\": " << taken.count() / double(regions - batch) << "}";
    return json.str();
  }

  const Library &library;
  std::map<std::string, std::unique_ptr<Product>> products;
  /// Calls that fill the time asked for, by product, threads and rows.
  std::map<std::string, std::map<std::pair<int, int64_t>, int64_t>> known;
  std::unique_ptr<Buffer> buffer;
};
} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: driver LIBRARY\n");
    return 1;
  }
  Library library;
  std::string error;
  if (!library.load(argv[1], error)) {
    std::fprintf(stderr, "driver: %s\n", error.c_str());
    return 1;
  }
  Driver driver(library);
  for (std::string line; std::getline(std::cin, line);)
    std::cout << driver.answer(line) << std::endl;
  return 0;
}
