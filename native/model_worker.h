#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "exit_guard.h"
#include "failure.h"
#include "model_options.h"
#include "sequences.h"
#include "stop_signal.h"

namespace starling {

class RewardModel;

/** One call of score(). The callbacks run on the model's thread, or on that of whoever cancels or closes. */
struct ScoreJob {
  Sequences sequences;
  std::atomic<bool> cancelled{false};
  std::function<void(size_t sequences, size_t tokens)> on_progress;
  std::function<void(std::vector<float> scores)> on_done;
  std::function<void(const Failure&)> on_failed;
};

/** What a model's thread tells; called on that thread. on_closed is the last and always comes. */
struct ModelEvents {
  std::function<void(float fraction)> on_load_progress;
  std::function<void(const ModelInfo&)> on_loaded;
  std::function<void(const Failure&)> on_load_failed;
  std::function<void()> on_closed;
};

/**
 * The thread that owns one model: it loads it, runs score jobs one after another, and frees it. All public methods may
 * be called from any thread; none but join() waits.
 */
class ModelWorker : public Stoppable {
 public:
  ModelWorker(ModelOptions options, ModelEvents events);
  ~ModelWorker() override;
  ModelWorker(const ModelWorker&) = delete;
  ModelWorker& operator=(const ModelWorker&) = delete;

  /** Starts loading. @throws std::system_error when no thread can be had */
  void start();

  /** Queues a job. After request_stop() it fails at once, with code "CLOSED". */
  void submit(std::shared_ptr<ScoreJob> job);

  /** Cancels a queued job at once, a running one soon; does nothing to a finished one. */
  void cancel(const std::shared_ptr<ScoreJob>& job);

  /** Ends loading, or fails all jobs with code "CLOSED", and frees the model. */
  void request_stop() override;

  /** Waits for the thread's end. For one thread alone, after request_stop() or on_closed. */
  void join();

 private:
  void run();
  void run_jobs(RewardModel& model);
  void run_job(RewardModel& model, ScoreJob& job);
  std::shared_ptr<ScoreJob> next_job();

  const ModelOptions options_;
  const ModelEvents events_;
  StopSignal stop_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<ScoreJob>> queue_;
  std::thread thread_;
};

}  // namespace starling
