#include "lane_scheduler.h"

#include <algorithm>

namespace starling {

namespace {

/** A lane computes again what another lane holds when it is less than this part of a sequence. */
constexpr size_t SMALL_PART = 4;
/** Weight of the newest measurement of a lane's rate. */
constexpr double NEWEST = 0.3;

}  // namespace

std::optional<LaneScheduler::Assignment> LaneScheduler::choose(size_t lane) const {
  if (planner_.empty()) return std::nullopt;
  const State& mine = lanes_[lane];
  PrefixPlanner::Key key = planner_.first(mine.view());
  if (settings_.count == 1) return Assignment{key, true};

  const bool others_busy = std::any_of(lanes_.begin(), lanes_.end(), [](const State& state) { return state.busy; });
  if (std::any_of(lanes_.begin(), lanes_.end(), [](const State& state) { return state.busy && state.wide; }))
    return std::nullopt;
  if (!belongs(planner_.find(key)->tokens, mine.view())) {
    const auto independent = independent_of_others(lane, {});
    // What belongs to another lane is that lane's; but nothing may wait while nobody works.
    if (!independent && others_busy) return std::nullopt;
    key = independent.value_or(key);
  }
  const TokenView tokens = planner_.find(key)->tokens;
  if (!can_widen()) return Assignment{key, false};
  const bool more = independent_of_others(lane, tokens).has_value();
  if (others_busy && !more && better_to_wait(lane, tokens)) return std::nullopt;
  return Assignment{key, !others_busy && !more};
}

bool LaneScheduler::belongs(TokenView tokens, TokenView subject) const {
  const size_t common = common_prefix(tokens, subject);
  return limits_.share && common >= limits_.worthwhile && common * SMALL_PART >= tokens.length;
}

/** The oldest sequence that belongs neither to another lane nor to what begins with `also`, if that is given. */
std::optional<PrefixPlanner::Key> LaneScheduler::independent_of_others(size_t lane, TokenView also) const {
  return planner_.oldest([&](TokenView tokens) {
    if (also.ids == tokens.ids || only_there(tokens, also)) return false;
    for (size_t i = 0; i < lanes_.size(); ++i)
      if (i != lane && only_there(tokens, lanes_[i].view())) return false;
    return true;
  });
}

/** Whether these tokens belong to a lane with this subject, and no lent prefix would do as well. */
bool LaneScheduler::only_there(TokenView tokens, TokenView subject) const {
  if (!belongs(tokens, subject)) return false;
  const size_t common = common_prefix(tokens, subject);
  return std::none_of(lent_.begin(), lent_.end(), [&](const Lent& lent) {
    return common_prefix(tokens, lent.view()) + limits_.worthwhile >= common;
  });
}

size_t LaneScheduler::worth_lending(size_t lane) const {
  if (settings_.count == 1 || planner_.empty() || !limits_.share) return 0;
  const auto idle = [&](const State& state) { return &state != &lanes_[lane] && !state.busy; };
  if (std::none_of(lanes_.begin(), lanes_.end(), [&](const State& state) { return idle(state); })) return 0;
  const TokenView mine = lanes_[lane].view();
  const TokenView next = planner_.find(planner_.first(mine))->tokens;
  const TokenView shared{mine.ids, common_prefix(next, mine)};
  return shared.length >= HeldPrefixes::WORTH_COPYING && only_there(next, mine) && planner_.shared_by(shared, 2) ? shared.length : 0;
}

void LaneScheduler::lent(PrefixId id, TokenView tokens) {
  lent_.push_back({id, std::vector<int32_t>(tokens.ids, tokens.ids + tokens.length)});
}

std::vector<PrefixId> LaneScheduler::take_back() {
  std::vector<PrefixId> ids;
  const auto unused = [&](const Lent& lent) { return !planner_.shared_by(lent.view(), 1); };
  for (const Lent& lent : lent_)
    if (unused(lent)) ids.push_back(lent.id);
  lent_.erase(std::remove_if(lent_.begin(), lent_.end(), unused), lent_.end());
  return ids;
}

/** The last sequence: all threads may finish it sooner, once the others are done, than this lane from now on. */
bool LaneScheduler::better_to_wait(size_t lane, TokenView tokens) const {
  if (tokens_per_second_ <= 0) return false;
  const auto now = Clock::now();
  double wait = 0;
  for (const State& state : lanes_) {
    if (!state.busy) continue;
    const std::chrono::duration<double> worked = now - state.since;
    wait = std::max(wait, static_cast<double>(state.tokens) / tokens_per_second_ - worked.count());
  }
  const size_t kept = common_prefix(tokens, lanes_[lane].view());
  const double narrow = static_cast<double>(tokens.length - kept) / tokens_per_second_;
  const double speedup = static_cast<double>(settings_.wide_threads) / static_cast<double>(settings_.threads);
  return wait + narrow / speedup < narrow;
}

void LaneScheduler::started(size_t lane, bool wide, TokenView subject, size_t tokens) {
  State& state = lanes_[lane];
  state.subject.assign(subject.ids, subject.ids + subject.length);
  state.busy = true;
  state.wide = wide && can_widen();
  state.tokens = tokens;
  state.since = Clock::now();
}

void LaneScheduler::finished(size_t lane) noexcept {
  State& state = lanes_[lane];
  if (!state.busy) return;
  state.busy = false;
  const std::chrono::duration<double> took = Clock::now() - state.since;
  if (state.wide || took.count() <= 0) return;
  const double rate = static_cast<double>(state.tokens) / took.count();
  tokens_per_second_ = tokens_per_second_ > 0 ? (1 - NEWEST) * tokens_per_second_ + NEWEST * rate : rate;
}

}  // namespace starling
