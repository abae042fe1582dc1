#include "planning/worker_scheduler.h"

#include <algorithm>

namespace starling {

namespace {

/** A worker recomputes a prefix that another one has if it is less than this part of the sequence. */
constexpr size_t SMALL_PART = 4;
/** Weight of the newest measurement in the moving average of a worker's rate. */
constexpr double NEWEST = 0.3;
/** Batches are not made smaller than this for other workers' sake: each costs as much as 4 to 16 more tokens. */
constexpr size_t SMALLEST_SHARE = 64;

}  // namespace

std::optional<WorkerScheduler::Assignment> WorkerScheduler::choose(size_t worker) const {
  if (planner_.empty()) return std::nullopt;
  const State& mine = workers_[worker];
  PrefixPlanner::Key key = planner_.first(mine.view());
  if (settings_.count == 1) return Assignment{key, true, limits_.tokens};

  const bool others_busy = std::any_of(workers_.begin(), workers_.end(), [](const State& state) { return state.busy; });
  if (std::any_of(workers_.begin(), workers_.end(), [](const State& state) { return state.busy && state.solo; }))
    return std::nullopt;
  if (!belongs_to(planner_.find(key)->tokens, mine.view())) {
    const auto independent = independent_of_others(worker, {});
    // A sequence of another worker is left to it, unless no worker is busy.
    if (!independent && others_busy) return std::nullopt;
    key = independent.value_or(key);
  }
  const TokenView tokens = planner_.find(key)->tokens;
  if (!can_use_all_threads()) return Assignment{key, false, fair_share(worker)};
  const bool more = independent_of_others(worker, tokens).has_value();
  if (others_busy && !more && waiting_is_faster(worker, tokens)) return std::nullopt;
  return Assignment{key, !others_busy && !more, fair_share(worker)};
}

/** Tokens for a worker's next batch, so that all of them are done at the same time. */
size_t WorkerScheduler::fair_share(size_t worker) const {
  if (limits_.sequences == 1) return limits_.tokens;
  const size_t enough = settings_.count * limits_.tokens;
  size_t tokens = planner_.tokens_to_compute(workers_[worker].view(), enough);
  for (const State& state : workers_)
    if (state.busy) tokens += state.tokens;
  return std::min(limits_.tokens, std::max(tokens / settings_.count, SMALLEST_SHARE));
}

BatchPlan WorkerScheduler::take(size_t worker, TokenView cached, const Assignment& assignment, size_t most) {
  return planner_.batch(assignment.first, cached, {most, assignment.tokens}, [&](TokenView tokens, size_t there) {
    const auto has_more = [&](TokenView other) {
      return common_prefix(tokens, other) >= there + PinnedPrefixes::MIN_COPIED_TOKENS;
    };
    for (size_t i = 0; i < workers_.size(); ++i)
      if (i != worker && has_more(workers_[i].view())) return false;
    return std::none_of(shared_.begin(), shared_.end(),
                        [&](const SharedPrefix& prefix) { return has_more(prefix.view()); });
  });
}

bool WorkerScheduler::belongs_to(TokenView tokens, TokenView cached) const {
  const size_t common = common_prefix(tokens, cached);
  return limits_.share && common >= limits_.min_shared && common * SMALL_PART >= tokens.length;
}

/** The oldest sequence that depends neither on another worker's cache nor on `also`, which may be empty. */
std::optional<PrefixPlanner::Key> WorkerScheduler::independent_of_others(size_t worker, TokenView also) const {
  return planner_.oldest([&](TokenView tokens) {
    if (also.ids == tokens.ids || depends_on_cache(tokens, also)) return false;
    for (size_t i = 0; i < workers_.size(); ++i)
      if (i != worker && depends_on_cache(tokens, workers_[i].view())) return false;
    return true;
  });
}

/** Whether these tokens belong to a worker with this cache, and no shared prefix is about as long. */
bool WorkerScheduler::depends_on_cache(TokenView tokens, TokenView cached) const {
  if (!belongs_to(tokens, cached)) return false;
  const size_t common = common_prefix(tokens, cached);
  return std::none_of(shared_.begin(), shared_.end(), [&](const SharedPrefix& prefix) {
    return common_prefix(tokens, prefix.view()) + limits_.min_shared >= common;
  });
}

size_t WorkerScheduler::worth_sharing(size_t worker) const {
  if (settings_.count == 1 || planner_.empty() || !limits_.share) return 0;
  const auto idle = [&](const State& state) { return &state != &workers_[worker] && !state.busy; };
  if (std::none_of(workers_.begin(), workers_.end(), [&](const State& state) { return idle(state); })) return 0;
  const TokenView mine = workers_[worker].view();
  const TokenView next = planner_.find(planner_.first(mine))->tokens;
  const TokenView shared{mine.ids, common_prefix(next, mine)};
  return shared.length >= PinnedPrefixes::MIN_COPIED_TOKENS && depends_on_cache(next, mine) &&
                 planner_.shared_by(shared, 2)
             ? shared.length
             : 0;
}

void WorkerScheduler::add_shared(PrefixId id, TokenView tokens) {
  shared_.push_back({id, std::vector<int32_t>(tokens.ids, tokens.ids + tokens.length)});
}

std::vector<PrefixId> WorkerScheduler::remove_unused_shared() {
  std::vector<PrefixId> ids;
  const auto unused = [&](const SharedPrefix& prefix) { return !planner_.shared_by(prefix.view(), 1); };
  for (const SharedPrefix& prefix : shared_)
    if (unused(prefix)) ids.push_back(prefix.id);
  shared_.erase(std::remove_if(shared_.begin(), shared_.end(), unused), shared_.end());
  return ids;
}

/** For the last sequence: whether waiting for the others and then using all threads finishes it sooner. */
bool WorkerScheduler::waiting_is_faster(size_t worker, TokenView tokens) const {
  if (tokens_per_second_ <= 0) return false;
  const auto now = Clock::now();
  double wait = 0;
  for (const State& state : workers_) {
    if (!state.busy) continue;
    const std::chrono::duration<double> worked = now - state.since;
    wait = std::max(wait, static_cast<double>(state.tokens) / tokens_per_second_ - worked.count());
  }
  const size_t kept = common_prefix(tokens, workers_[worker].view());
  const double own = static_cast<double>(tokens.length - kept) / tokens_per_second_;
  const double speedup = static_cast<double>(settings_.solo_threads) / static_cast<double>(settings_.threads);
  return wait + own / speedup < own;
}

void WorkerScheduler::started(size_t worker, bool solo, TokenView cached, size_t tokens) {
  State& state = workers_[worker];
  state.cached.assign(cached.ids, cached.ids + cached.length);
  state.busy = true;
  state.solo = solo && can_use_all_threads();
  state.tokens = tokens;
  state.since = Clock::now();
}

void WorkerScheduler::finished(size_t worker) noexcept {
  State& state = workers_[worker];
  if (!state.busy) return;
  state.busy = false;
  const std::chrono::duration<double> took = Clock::now() - state.since;
  if (state.solo || took.count() <= 0) return;
  const double rate = static_cast<double>(state.tokens) / took.count();
  tokens_per_second_ = tokens_per_second_ > 0 ? (1 - NEWEST) * tokens_per_second_ + NEWEST * rate : rate;
}

}  // namespace starling
