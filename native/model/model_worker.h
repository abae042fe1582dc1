#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "llama/compute_threads.h"
#include "llama/context_worker.h"
#include "llama/model_options.h"
#include "llama/model_weights.h"
#include "model/score_job.h"
#include "planning/pinned_prefixes.h"
#include "planning/worker_scheduler.h"
#include "support/exit_guard.h"
#include "support/failure.h"
#include "support/stop_signal.h"

namespace starling {

/** What a model's threads tell; called on one of them. on_closed is the last and always comes. */
struct ModelEvents {
  std::function<void(float fraction)> on_load_progress;
  std::function<void(const ModelInfo&)> on_loaded;
  std::function<void(const Failure&)> on_load_failed;
  std::function<void()> on_closed;
};

/**
 * The threads that own one model, one for each worker: the first loads it, starts the others, and frees it. They take
 * what waits from one plan. All public methods may be called from any thread; none but join() waits.
 */
class ModelWorker : public Stoppable {
 public:
  ModelWorker(ModelOptions options, ModelEvents events);
  ~ModelWorker() override;
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;

  /** Starts loading. @throws std::system_error when no thread can be had */
  void start();

  /**
   * Queues jobs, all before any of them is begun. Those that cannot be queued fail at once: with code "CLOSED" after
   * request_stop(), and where there is no memory.
   */
  void submit(const std::vector<std::shared_ptr<ScoreJob>>& jobs) noexcept;

  /** Fails a job that is not finished with code "ABORTED"; what is being computed for it is interrupted. */
  void cancel(const std::shared_ptr<ScoreJob>& job);

  /** Tokens that were evaluated so far: less than those of all sequences where prefixes were shared. */
  uint64_t computed_tokens() const { return computed_tokens_; }

  /** Forgets a prefix that a job pinned. */
  void unpin(PrefixId prefix);

  /** Ends loading, or fails all jobs with code "CLOSED", and frees the model. */
  void request_stop() override;

  /** Waits for the threads' end. For one thread alone, after request_stop() or on_closed. */
  void join();

 private:
  /** A sequence that waits or is being evaluated. */
  struct Entry {
    std::shared_ptr<ScoreJob> job;
    size_t index;
  };
  struct WorkerThread {
    StopSignal stop;
    /** What it is evaluating. */
    std::vector<std::shared_ptr<ScoreJob>> jobs;
    std::thread thread;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void run_workers(const ModelWeights& weights, std::unique_ptr<ContextWorker> first, const ComputeThreads& solo);
  void run_worker(size_t index, ContextWorker& worker) noexcept;
  void work(size_t index, ContextWorker& worker, Lock& lock);
  enum class Room { MADE, NONE, RETIRE };
  Room prepare(size_t index, ContextWorker& worker, const Demand& demand, const Demand& own,
               const std::shared_ptr<ScoreJob>& job, TokenView tokens, Lock& lock);
  void queue(const std::shared_ptr<ScoreJob>& job);
  void evaluate(size_t index, ContextWorker& worker, const WorkerScheduler::Assignment& assignment, size_t most,
                Lock& lock);
  void share_prefix(size_t index, ContextWorker& worker, Lock& lock);
  void deliver(const BatchPlan& plan, std::vector<std::vector<float>> rewards);
  void requeue_or_fail(const BatchPlan& plan, const Failure& failure);
  void settle(const std::shared_ptr<ScoreJob>& job, const Failure* failure) noexcept;
  void fail_all(const Failure& failure) noexcept;
  void release_prefixes();
  bool closing() const { return worker_threads_.front().stop.closing(); }

  const ModelOptions options_;
  const ModelEvents events_;
  PinnedPrefixes pinned_;
  std::mutex mutex_;
  std::condition_variable changed_;
  WorkerScheduler scheduler_;
  std::vector<WorkerThread> worker_threads_;
  std::map<PrefixPlanner::Key, Entry> entries_;
  PrefixPlanner::Key next_key_ = 1;
  std::vector<PrefixId> released_;
  /** Apart from the ids that callers give. */
  PrefixId next_shared_id_ = PrefixId{1} << 62;
  std::atomic<uint64_t> computed_tokens_{0};
};

}  // namespace starling
