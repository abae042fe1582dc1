#include "model/model_worker.h"

#include <algorithm>

#include "llama/runtime.h"
#include "support/freed_memory.h"

namespace starling {

namespace {

void report_progress(const ScoreJob& job) {
  try {
    job.on_progress(job.sequences_done, job.tokens_done);
  } catch (...) {
    // Out of memory: lose this report, not the scores.
  }
}

}  // namespace

ModelWorker::ModelWorker(ModelOptions options, ModelEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      pinned_(options_.pinned_bytes),
      scheduler_(ContextWorker::plan_limits(options_),
                 {static_cast<size_t>(options_.context_workers), static_cast<size_t>(options_.worker_threads),
                  static_cast<size_t>(options_.solo_threads)}),
      worker_threads_(static_cast<size_t>(options_.context_workers)) {}

ModelWorker::~ModelWorker() {
  request_stop();
  join();
}

void ModelWorker::start() {
  exit_guard::add(this);
  try {
    worker_threads_.front().thread = std::thread([this] { run(); });
  } catch (...) {
    exit_guard::remove(this);
    throw;
  }
}

void ModelWorker::submit(const std::vector<std::shared_ptr<ScoreJob>>& jobs) noexcept {
  const Lock lock(mutex_);
  for (const auto& job : jobs) {
    if (job->settled) continue;  // cancelled before it was queued
    job->first_key = next_key_;
    try {
      if (closing()) throw Failure::closed();
      queue(job);
    } catch (...) {
      const Failure failure = Failure::current("The sequences could not be queued");
      settle(job, &failure);
    }
  }
  changed_.notify_all();
}

void ModelWorker::queue(const std::shared_ptr<ScoreJob>& job) {
  const size_t count = job->sequences.count();
  job->rewards.resize(count);
  if (count == 0) settle(job, nullptr);
  for (size_t i = 0; i < count; ++i) {
    const TokenView tokens = job->sequences[i];
    entries_.emplace(next_key_, Entry{job, i});
    scheduler_.planner().add(next_key_++, {tokens, job->rewards_from.value_or(tokens.length - 1), job->features});
  }
}

void ModelWorker::cancel(const std::shared_ptr<ScoreJob>& job) {
  const Lock lock(mutex_);
  if (job->settled) return;
  const Failure aborted = Failure::aborted();
  settle(job, &aborted);
  for (WorkerThread& worker : worker_threads_)
    if (std::find(worker.jobs.begin(), worker.jobs.end(), job) != worker.jobs.end()) worker.stop.interrupt();
}

void ModelWorker::unpin(PrefixId prefix) {
  const Lock lock(mutex_);
  to_unpin_.push_back(prefix);
  changed_.notify_all();
}

void ModelWorker::request_stop() {
  const Lock lock(mutex_);
  for (WorkerThread& worker : worker_threads_) worker.stop.close();
  changed_.notify_all();
}

void ModelWorker::join() {
  if (worker_threads_.front().thread.joinable()) worker_threads_.front().thread.join();
}

void ModelWorker::run() {
  {
    StopSignal& stop = worker_threads_.front().stop;
    std::unique_ptr<ModelWeights> weights;
    std::unique_ptr<ComputeThreads> solo;
    std::unique_ptr<ContextWorker> worker;
    try {
      Throttle throttle;
      float reported = 0;
      weights = std::make_unique<ModelWeights>(options_, stop, [&](float fraction) {
        // 1 is reported below, when the context exists too.
        if (fraction <= reported || fraction >= 1 || !throttle.due()) return;
        reported = fraction;
        events_.on_load_progress(fraction);
      });
      solo = std::make_unique<ComputeThreads>(runtime::functions(), options_.solo_threads);
      worker = std::make_unique<ContextWorker>(options_, *weights, pinned_, *solo, stop);
      // Make the smallest context now: a problem with it should not wait for the first text.
      worker->reserve({});
      if (stop.requested()) throw Failure::aborted();
      exit_guard::install();
      events_.on_load_progress(1);
      events_.on_loaded(weights->info());
    } catch (...) {
      worker.reset();
      events_.on_load_failed(Failure::current("The model could not be loaded"));
    }
    if (worker != nullptr) run_workers(*weights, std::move(worker), *solo);
  }
  return_freed_memory();
  events_.on_closed();
  exit_guard::remove(this);
}

void ModelWorker::run_workers(const ModelWeights& weights, std::unique_ptr<ContextWorker> first,
                              const ComputeThreads& solo) {
  for (size_t i = 1; i < worker_threads_.size(); ++i) {
    WorkerThread& other = worker_threads_[i];
    try {
      other.thread = std::thread([this, i, &weights, &solo, &other] {
        std::unique_ptr<ContextWorker> worker;
        try {
          worker = std::make_unique<ContextWorker>(options_, weights, pinned_, solo, other.stop);
        } catch (...) {
          return;  // Fewer workers can do the same work.
        }
        run_worker(i, *worker);
      });
    } catch (...) {
      break;
    }
  }
  run_worker(0, *first);
  for (size_t i = 1; i < worker_threads_.size(); ++i)
    if (worker_threads_[i].thread.joinable()) worker_threads_[i].thread.join();
  const Lock lock(mutex_);
  fail_all(Failure::closed());
}

/** Runs until the model is closed. Workers other than the first end early if there is no memory for their context. */
void ModelWorker::run_worker(size_t index, ContextWorker& worker) noexcept {
  Lock lock(mutex_);
  for (;;) {
    try {
      work(index, worker, lock);
      break;
    } catch (...) {
      // Not an evaluation but its bookkeeping failed. Its state is unknown now, so fail all jobs: none may wait
      // forever.
      const Failure failure = Failure::current("The evaluation failed");
      if (!lock.owns_lock()) lock.lock();
      scheduler_.finished(index);
      worker_threads_[index].jobs.clear();
      fail_all(failure);
    }
  }
  if (!closing()) scheduler_.retire(index);
  changed_.notify_all();
}

void ModelWorker::work(size_t index, ContextWorker& worker, Lock& lock) {
  PrefixPlanner::Key prepared_key = 0;
  bool reduced = false;
  for (;;) {
    std::optional<WorkerScheduler::Assignment> assignment;
    changed_.wait(lock, [&] {
      if (closing() || !to_unpin_.empty()) return true;
      assignment = scheduler_.choose(index);
      return assignment.has_value();
    });
    if (closing()) return;
    if (!to_unpin_.empty()) {
      unpin_requested();
      continue;
    }
    worker_threads_[index].stop.clear();
    const PrefixPlanner::Key key = assignment->first;
    const Demand demand = scheduler_.planner().demand();
    const Entry entry = entries_.at(key);
    const TokenView tokens = entry.job->sequences[entry.index];
    const Demand own{tokens.length, tokens.length, entry.job->rewards_from.has_value()};
    // If there is no memory for all that waits, a context for the next sequence is enough.
    const bool ready = worker.fits(demand) || (prepared_key == key && reduced && worker.fits(own));
    if (!ready || (prepared_key != key && pinned_.any_saved())) {
      // This takes long and drops the lock. The next sequence may be another one afterwards.
      const PrepareResult prepared = prepare(index, worker, demand, own, entry.job, tokens, lock);
      if (prepared == PrepareResult::RETIRE) return;
      if (prepared == PrepareResult::READY) prepared_key = key;
      reduced = !worker.fits(demand);
      continue;
    }
    evaluate(index, worker, *assignment, worker.fits(demand), lock);
    share_prefix(index, worker, lock);
    changed_.notify_all();
  }
}

/**
 * Makes a context for all that waits, or at least for the next sequence, and restores its prefix if it is saved. If
 * there is no memory, the first worker fails the job, and the others leave the work to it.
 */
ModelWorker::PrepareResult ModelWorker::prepare(size_t index, ContextWorker& worker, const Demand& demand,
                                                const Demand& own, const std::shared_ptr<ScoreJob>& job,
                                                TokenView tokens, Lock& lock) {
  std::optional<Failure> failure;
  lock.unlock();
  try {
    try {
      worker.reserve(demand);
    } catch (...) {
      worker.reserve(own);
    }
    worker.restore(tokens);
  } catch (...) {
    failure = Failure::current("The evaluation failed");
  }
  lock.lock();
  if (!failure) return PrepareResult::READY;
  if (index > 0 && !worker.fits(own)) return PrepareResult::RETIRE;
  if (!job->settled) settle(job, &*failure);
  return PrepareResult::FAILED;
}

/** @param several whether the batch may have several sequences */
void ModelWorker::evaluate(size_t index, ContextWorker& worker, const WorkerScheduler::Assignment& assignment,
                           bool several, Lock& lock) {
  WorkerThread& mine = worker_threads_[index];
  const size_t most = several ? static_cast<size_t>(options_.max_sequences) : 1;
  const BatchPlan plan = scheduler_.take(index, worker.cached(), assignment, most);
  for (const BatchPlan::Member& member : plan.members) mine.jobs.push_back(entries_.at(member.key).job);
  scheduler_.started(index, assignment.solo, plan.cached(), plan.tokens());
  lock.unlock();

  std::vector<std::vector<float>> rewards;
  std::optional<Failure> failure;
  try {
    worker.use_all_threads(assignment.solo);
    rewards = worker.evaluate(plan);
  } catch (...) {
    failure = Failure::current("The evaluation failed");
  }

  lock.lock();
  scheduler_.finished(index);
  if (failure) {
    requeue_or_fail(plan, *failure);
  } else {
    computed_tokens_ += plan.tokens();
    reused_tokens_ += plan.sequence_tokens() - plan.tokens();
    deliver(plan, std::move(rewards));
  }
  // Until here the jobs keep the tokens of the plan alive.
  mine.jobs.clear();
}

/** Saves a prefix that waiting sequences need, so that idle workers can restore it; unpins those no longer needed. */
void ModelWorker::share_prefix(size_t index, ContextWorker& worker, Lock& lock) {
  const std::vector<PrefixId> unused = scheduler_.remove_unused_shared();
  to_unpin_.insert(to_unpin_.end(), unused.begin(), unused.end());
  const size_t length = scheduler_.worth_sharing(index);
  if (length == 0 || closing()) return;
  const PrefixId id = next_shared_id_++;
  lock.unlock();
  bool saved = false;
  try {
    saved = worker.pin_and_save(id, length);
  } catch (...) {
    // The other workers will compute the prefix themselves.
  }
  lock.lock();
  if (saved) scheduler_.add_shared(id, {worker.cached().ids, length});
}

void ModelWorker::deliver(const BatchPlan& plan, std::vector<std::vector<float>> rewards) {
  for (size_t i = 0; i < plan.members.size(); ++i) {
    const auto found = entries_.find(plan.members[i].key);
    if (found == entries_.end()) continue;  // cancelled
    const auto [job, index] = found->second;
    if (!all_finite(rewards[i])) {
      const Failure failure(
          "The score of sequence " + std::to_string(index) +
              " is not a finite number: the model's weights overflow in this precision, or the file is "
              "damaged.",
          "NOT_FINITE");
      settle(job, &failure);
      continue;
    }
    const TokenView tokens = plan.members[i].sequence.tokens;
    if (job->pin != 0) {
      const std::lock_guard<PinnedPrefixes> pinned_lock(pinned_);
      pinned_.pin(job->pin, tokens);
    }
    entries_.erase(found);
    job->rewards[index] = std::move(rewards[i]);
    job->tokens_done += tokens.length;
    const bool last = ++job->sequences_done == job->sequences.count();
    if (last || job->throttle.due()) report_progress(*job);
    if (last) settle(job, nullptr);
  }
}

/** After a failure: sequences that were interrupted because of another job are queued again, the others fail. */
void ModelWorker::requeue_or_fail(const BatchPlan& plan, const Failure& failure) {
  const bool interrupted = failure.code() == "ABORTED";
  for (const BatchPlan::Member& member : plan.members) {
    const auto found = entries_.find(member.key);
    if (found == entries_.end()) continue;
    if (interrupted) {
      scheduler_.planner().add(member.key, member.sequence);
    } else {
      settle(std::shared_ptr<ScoreJob>(found->second.job), &failure);
    }
  }
}

/** Removes what still waits of a job and calls on_failed, or on_done if `failure` is nullptr. */
void ModelWorker::settle(const std::shared_ptr<ScoreJob>& job, const Failure* failure) noexcept {
  for (size_t i = 0; i < job->sequences.count(); ++i) {
    scheduler_.planner().remove(job->first_key + i);
    entries_.erase(job->first_key + i);
  }
  job->settled = true;
  if (failure != nullptr) {
    job->on_failed(*failure);
  } else {
    job->on_done(std::move(job->rewards));
  }
}

void ModelWorker::fail_all(const Failure& failure) noexcept {
  while (!entries_.empty()) settle(std::shared_ptr<ScoreJob>(entries_.begin()->second.job), &failure);
}

void ModelWorker::unpin_requested() {
  const std::lock_guard<PinnedPrefixes> lock(pinned_);
  for (const PrefixId prefix : to_unpin_) pinned_.unpin(prefix);
  to_unpin_.clear();
}

}  // namespace starling
