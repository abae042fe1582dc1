#include "model_worker.h"

#include <algorithm>
#include <optional>

#include "reward_model.h"
#include "throttle.h"

namespace starling {

ModelWorker::ModelWorker(ModelOptions options, ModelEvents events)
    : options_(std::move(options)), events_(std::move(events)) {}

ModelWorker::~ModelWorker() {
  request_stop();
  join();
}

void ModelWorker::start() {
  exit_guard::add(this);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (...) {
    exit_guard::remove(this);
    throw;
  }
}

void ModelWorker::submit(std::shared_ptr<ScoreJob> job) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!stop_.closing()) {
      queue_.push_back(std::move(job));
      changed_.notify_one();
      return;
    }
  }
  job->on_failed(Failure::closed());
}

void ModelWorker::cancel(const std::shared_ptr<ScoreJob>& job) {
  job->cancelled = true;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = std::find(queue_.begin(), queue_.end(), job);
    if (found == queue_.end()) return;
    queue_.erase(found);
  }
  job->on_failed(Failure::aborted());
}

void ModelWorker::request_stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stop_.close();
  changed_.notify_one();
}

void ModelWorker::join() {
  if (thread_.joinable()) thread_.join();
}

void ModelWorker::run() {
  {
    std::unique_ptr<RewardModel> model;
    try {
      Throttle throttle;
      float reported = 0;
      model = std::make_unique<RewardModel>(options_, stop_, [&](float fraction) {
        // The end is told below, once the context exists too.
        if (fraction <= reported || fraction >= 1 || !throttle.due()) return;
        reported = fraction;
        events_.on_load_progress(fraction);
      });
      exit_guard::install();
      events_.on_load_progress(1);
      events_.on_loaded(model->info());
    } catch (const Failure& failure) {
      events_.on_load_failed(failure);
    } catch (const std::exception& error) {
      events_.on_load_failed(Failure(std::string("The model could not be loaded: ") + error.what()));
    }
    if (model != nullptr) run_jobs(*model);
  }
  events_.on_closed();
  exit_guard::remove(this);
}

void ModelWorker::run_jobs(RewardModel& model) {
  while (const std::shared_ptr<ScoreJob> job = next_job()) {
    stop_.watch(&job->cancelled);
    run_job(model, *job);
    stop_.watch(nullptr);
  }
  std::deque<std::shared_ptr<ScoreJob>> left;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    left.swap(queue_);
  }
  for (const auto& job : left) job->on_failed(Failure::closed());
}

void ModelWorker::run_job(RewardModel& model, ScoreJob& job) {
  // What is told is told outside the try block: a callback's own failure must not count as the job's.
  std::vector<float> scores;
  std::optional<Failure> failure;
  try {
    Throttle throttle;
    scores = model.score(job.sequences, [&](size_t sequences, size_t tokens) {
      if (throttle.due() || sequences == job.sequences.count()) job.on_progress(sequences, tokens);
    });
  } catch (const Failure& thrown) {
    failure = thrown.code() == "ABORTED" && stop_.closing() ? Failure::closed() : thrown;
  } catch (const std::exception& error) {
    failure = Failure(std::string("The evaluation failed: ") + error.what());
  }
  if (failure) {
    job.on_failed(*failure);
  } else {
    job.on_done(std::move(scores));
  }
}

/** Waits for a job; nullptr when the model is to be closed. */
std::shared_ptr<ScoreJob> ModelWorker::next_job() {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return stop_.closing() || !queue_.empty(); });
  if (stop_.closing()) return nullptr;
  std::shared_ptr<ScoreJob> job = queue_.front();
  queue_.pop_front();
  return job;
}

}  // namespace starling
