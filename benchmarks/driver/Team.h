//===- Team.h - threads that start together ---------------------*- C++ -*-===//
//
// A fork and join whose cost is far below what is timed with it: members spin while they wait, so a team should live only as long as a
// measurement.
//
//===----------------------------------------------------------------------===//
#ifndef LUTRA_BENCHMARKS_TEAM_H
#define LUTRA_BENCHMARKS_TEAM_H

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace lutra::bench {

/// `size` threads, of which the caller is number 0.
class Team {
public:
  explicit Team(int size) {
    for (int member = 1; member < size; ++member)
      members.emplace_back([this, member] { serve(member); });
  }

  ~Team() {
    stopped = true;
    generation.fetch_add(1, std::memory_order_release);
    for (std::thread &member : members)
      member.join();
  }

  Team(const Team &) = delete;
  Team &operator=(const Team &) = delete;

  int size() const { return static_cast<int>(members.size()) + 1; }

  /// Runs `work(number)` on every thread and waits for all of them.
  void run(const std::function<void(int)> &work) {
    current = &work;
    running.store(static_cast<int>(members.size()), std::memory_order_relaxed);
    generation.fetch_add(1, std::memory_order_release);
    work(0);
    Patience patience;
    while (running.load(std::memory_order_acquire) != 0)
      patience.wait();
  }

private:
  /// Spins, but lets others run after a while: there may be more threads than processors.
  struct Patience {
    int left = 20000;

    void wait() {
      if (left == 0)
        std::this_thread::yield();
      else
        --left;
    }
  };

  void serve(int number) {
    for (int seen = 0;;) {
      int now;
      Patience patience;
      while ((now = generation.load(std::memory_order_acquire)) == seen)
        patience.wait();
      seen = now;
      if (stopped)
        return;
      (*current)(number);
      running.fetch_sub(1, std::memory_order_release);
    }
  }

  std::vector<std::thread> members;
  const std::function<void(int)> *current = nullptr;
  std::atomic<int> generation{0}, running{0};
  std::atomic<bool> stopped{false};
};

} // namespace lutra::bench

#endif // LUTRA_BENCHMARKS_TEAM_H
