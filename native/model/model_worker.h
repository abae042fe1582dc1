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

/** Called on one of the model's threads. on_closed is always called, and last. */
struct ModelEvents {
  std::function<void(float fraction)> on_load_progress;
  std::function<void(const ModelInfo&)> on_loaded;
  std::function<void(const Failure&)> on_load_failed;
  std::function<void()> on_closed;
};

/**
 * The threads of one model, one per context worker. The first one loads the weights, starts the others, and frees the
 * model. All threads take their work from one plan. All public methods are thread-safe; only join() blocks.
 */
class ModelWorker : public Stoppable {
 public:
  ModelWorker(ModelOptions options, ModelEvents events);
  ~ModelWorker() override;
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;

  /** Starts loading. @throws std::system_error when no thread can be started */
  void start();

  /**
   * Queues all jobs before the first one starts. Jobs that cannot be queued fail at once: with code "CLOSED" after
   * request_stop(), or because memory ran out.
   */
  void submit(const std::vector<std::shared_ptr<ScoreJob>>& jobs) noexcept;

  /** Fails an unfinished job with code "ABORTED" and interrupts its evaluation. */
  void cancel(const std::shared_ptr<ScoreJob>& job);

  /** Tokens evaluated so far; shared prefixes count once. */
  uint64_t computed_tokens() const { return computed_tokens_; }

  /** Tokens of evaluated sequences that were not computed for them: another sequence began with the same ones. */
  uint64_t reused_tokens() const { return reused_tokens_; }

  /** Unpins a prefix that a job pinned. */
  void unpin(PrefixId prefix);

  /** Stops loading, or fails all jobs with code "CLOSED"; then the model is freed. */
  void request_stop() override;

  /** Waits for the threads. Only for one caller, after request_stop() or on_closed. */
  void join();

 private:
  /** A sequence that is waiting or being evaluated. */
  struct Entry {
    std::shared_ptr<ScoreJob> job;
    size_t index;
  };
  struct WorkerThread {
    StopSignal stop;
    /** The jobs that it is evaluating. */
    std::vector<std::shared_ptr<ScoreJob>> jobs;
    std::thread thread;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  void run_workers(const ModelWeights& weights, std::unique_ptr<ContextWorker> first, const ComputeThreads& solo);
  void run_worker(size_t index, ContextWorker& worker) noexcept;
  void work(size_t index, ContextWorker& worker, Lock& lock);
  enum class PrepareResult { READY, FAILED, RETIRE };
  PrepareResult prepare(size_t index, ContextWorker& worker, const Demand& demand, const Demand& own,
                        const std::shared_ptr<ScoreJob>& job, TokenView tokens, Lock& lock);
  void queue(const std::shared_ptr<ScoreJob>& job);
  void evaluate(size_t index, ContextWorker& worker, const WorkerScheduler::Assignment& assignment, bool several,
                Lock& lock);
  void share_prefix(size_t index, ContextWorker& worker, Lock& lock);
  void deliver(const BatchPlan& plan, std::vector<std::vector<float>> rewards);
  void requeue_or_fail(const BatchPlan& plan, const Failure& failure);
  void settle(const std::shared_ptr<ScoreJob>& job, const Failure* failure) noexcept;
  void fail_all(const Failure& failure) noexcept;
  void unpin_requested();
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
  std::vector<PrefixId> to_unpin_;
  /** For prefixes that workers share; callers' ids are smaller. */
  PrefixId next_shared_id_ = PrefixId{1} << 62;
  std::atomic<uint64_t> computed_tokens_{0};
  std::atomic<uint64_t> reused_tokens_{0};
};

}  // namespace starling
