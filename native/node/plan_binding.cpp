/** The planner for JS, without a model. For tests and benchmarks. */
#include "node/addon_parts.h"
#include "node/arguments.h"
#include "planning/prefix_planner.h"
#include "planning/sequences.h"

namespace starling {

namespace {

constexpr int32_t MOST = 1 << 30;
/** Far above every use: dividing a batch into segments is recursive. */
constexpr int32_t MAX_MEMBERS = 1 << 12;

PlanLimits read_limits(Napi::Value value) {
  const Arguments arguments(value, "limits");
  PlanLimits limits;
  limits.sequences = static_cast<size_t>(arguments.integer("sequences", 1, MAX_MEMBERS));
  limits.tokens = static_cast<size_t>(arguments.integer("tokens", 1, MOST));
  limits.min_shared = static_cast<size_t>(arguments.integer("minShared", 1, MOST));
  limits.multiple = static_cast<size_t>(arguments.integer("multiple", 1, MOST));
  limits.max_passed_over = static_cast<size_t>(arguments.integer("maxPassedOver", 0, MOST));
  limits.share = arguments.flag("share");
  return limits;
}

Napi::Object describe(Napi::Env env, const BatchPlan& plan) {
  const auto number = [&](size_t value) { return Napi::Number::New(env, static_cast<double>(value)); };
  const auto members = Napi::Array::New(env, plan.members.size());
  for (size_t i = 0; i < plan.members.size(); ++i) {
    const auto member = Napi::Object::New(env);
    member.Set("sequence", number(plan.members[i].key));
    member.Set("kept", number(plan.members[i].kept));
    members.Set(static_cast<uint32_t>(i), member);
  }
  const auto segments = Napi::Array::New(env, plan.segments.size());
  for (size_t i = 0; i < plan.segments.size(); ++i) {
    const Segment& segment = plan.segments[i];
    const auto sharers = Napi::Array::New(env, segment.sharers.size());
    for (size_t k = 0; k < segment.sharers.size(); ++k)
      sharers.Set(static_cast<uint32_t>(k), number(segment.sharers[k]));
    const auto object = Napi::Object::New(env);
    object.Set("sharers", sharers);
    object.Set("begin", number(segment.begin));
    object.Set("end", number(segment.end));
    segments.Set(static_cast<uint32_t>(i), object);
  }
  const auto batch = Napi::Object::New(env);
  batch.Set("members", members);
  batch.Set("cached", number(plan.next_cached));
  batch.Set("segments", segments);
  return batch;
}

/** planPrefixes(sequences: readonly Int32Array[], limits: PlanLimits): PlannedBatch[] */
Napi::Value plan_prefixes(const Napi::CallbackInfo& call) {
  Sequences sequences;
  each_sequence(call[0], "sequences", [&](Napi::Value element, const std::string& name) {
    const auto ids = expect_ids(element, name, MOST);
    with_js_errors(element.Env(), "The sequences could not be copied",
                   [&] { sequences.add(ids.Data(), ids.ElementLength()); });
  });
  const PlanLimits limits = read_limits(call[1]);
  PrefixPlanner planner(limits);
  for (size_t i = 0; i < sequences.count(); ++i) planner.add(i, {sequences[i], sequences[i].length - 1});
  const auto batches = Napi::Array::New(call.Env());
  TokenView cached;
  while (!planner.empty()) {
    const Napi::HandleScope scope(call.Env());
    const BatchPlan plan = planner.batch(planner.first(cached), cached, {limits.sequences, limits.tokens},
                                         [](TokenView, size_t) { return true; });
    cached = plan.cached();
    batches.Set(batches.Length(), describe(call.Env(), plan));
  }
  return batches;
}

}  // namespace

void init_planner(Napi::Env env, Napi::Object exports) {
  exports.Set("planPrefixes", Napi::Function::New<&plan_prefixes>(env, "planPrefixes"));
}

}  // namespace starling
