#pragma once

#include <cstdint>
#include <cstring>

#include "prefill/attention.h"

/**
 * The rows of an attention task: where they are, what a task remembers of them, and how they begin and end. Part of
 * attention_loops.h.
 */
namespace starling::prefill {

namespace {

/** Cells that are converted, scored and summed at a time. */
constexpr int64_t BLOCK = 64;
/**
 * Rows of a task: with more, keys and values are converted less often. Tasks are smaller where there would be fewer
 * than MANY_TASKS, for the sake of processors with many cores; a micro-batch of 256 tokens is then two tasks a head.
 * Multiples of TILE_ROWS.
 */
constexpr int64_t MAX_ROWS = 192;
constexpr int64_t FEW_ROWS = 144;
constexpr int64_t MANY_TASKS = 128;
/** Rows of a tile: its sums stay in registers. */
constexpr int64_t TILE_ROWS = 6;

/** Less than every score but -infinity, so that subtracting it from that gives no NaN. */
constexpr float LOWEST = -3.402823466e38F;
constexpr double LOG2_E = 1.4426950408889634;

/** 2^r is 1 + r * (these as a polynomial of r), for r from -1/2 to 1/2 with a relative error of 2e-9. */
constexpr float POWER_OF_TWO[] = {0.693147182F,   0.240226477F,   0.0555033237F,
                                  0.00961843692F, 0.00133988762F, 0.000153533634F};

int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t quotient_up(int64_t dividend, int64_t divisor) { return (dividend + divisor - 1) / divisor; }

/** A thread's memory: what a task knows about its rows, and a block of keys and values in float32. */
template <class Lanes>
struct Scratch {
  /** [MAX_ROWS, head_length], times the scale and log2(e): weights are powers of two. */
  float* queries;
  /** [MAX_ROWS, head_length], not yet divided by the sums of weights. */
  float* outputs;
  /** [head_length, BLOCK] */
  float* keys;
  /** [BLOCK, head_length] */
  float* values;
  /** [MAX_ROWS, BLOCK]: scores, then weights. */
  float* scores;
  /** [MAX_ROWS, Lanes::COUNT]: sums of weights, each lane its own. */
  float* sums;
  /** [MAX_ROWS]: the greatest score so far. */
  float* maxima;
  /** [MAX_ROWS]: how many cells a row attends to, and which of the current block. */
  int64_t* counts;
  uint64_t* attended;
  /** [cells / BLOCK], a bit for each cell: those that a token attends to. */
  uint64_t* cell_bits;
  /** What stands for the keys and values of cells behind the last one. */
  uint8_t* zeros;

  Scratch(uint8_t* memory, const AttentionProblem& problem) {
    const int64_t head_length = problem.head_length;
    float* next = reinterpret_cast<float*>(memory);
    const auto take = [&next](int64_t count) {
      float* taken = next;
      next += count;
      return taken;
    };
    queries = take(MAX_ROWS * head_length);
    outputs = take(MAX_ROWS * head_length);
    keys = take(head_length * BLOCK);
    values = take(BLOCK * head_length);
    scores = take(MAX_ROWS * BLOCK);
    sums = take(MAX_ROWS * Lanes::COUNT);
    maxima = take(MAX_ROWS);
    counts = reinterpret_cast<int64_t*>(take(2 * MAX_ROWS));
    attended = reinterpret_cast<uint64_t*>(take(2 * MAX_ROWS));
    cell_bits = reinterpret_cast<uint64_t*>(take(2 * quotient_up(problem.cells, BLOCK)));
    zeros = reinterpret_cast<uint8_t*>(take(head_length));
  }

  static size_t bytes(const AttentionProblem& problem) {
    const int64_t by_head = 2 * MAX_ROWS + 2 * BLOCK + 1;
    const int64_t by_row = BLOCK + Lanes::COUNT + 5;
    const int64_t cell_words = 2 * quotient_up(problem.cells, BLOCK);
    return static_cast<size_t>(by_head * problem.head_length + by_row * MAX_ROWS + cell_words) * sizeof(float);
  }
};

/** The rows of a task: row r is head `r % group` of those that share the key/value head, of token `r / group`. */
struct Rows {
  int64_t key_value_head;
  int64_t group;
  int64_t first;
  int64_t count;

  int64_t token(int64_t row) const { return (first + row) / group; }
  int64_t head(int64_t row) const { return key_value_head * group + (first + row) % group; }
};

bool takes_attention(const AttentionProblem& problem) {
  return problem.head_length >= 32 && problem.head_length <= 256 && problem.head_length % 32 == 0 &&
         problem.key_value_heads > 0 && problem.heads > 0 && problem.heads % problem.key_value_heads == 0;
}

/** How the rows of a key/value head are divided; their results do not depend on it. */
struct Division {
  int64_t group;
  int64_t rows;
  int64_t blocks;

  explicit Division(const AttentionProblem& problem) {
    group = problem.heads / problem.key_value_heads;
    const int64_t all = problem.tokens * group;
    rows = quotient_up(all, MAX_ROWS) * problem.key_value_heads < MANY_TASKS ? FEW_ROWS : MAX_ROWS;
    blocks = quotient_up(all, rows);
  }
};

int64_t attention_tasks(const AttentionProblem& problem) { return Division(problem).blocks * problem.key_value_heads; }

/** The last rows first: they attend to the most cells. Then the heads, which read the same rows of the mask. */
Rows rows_of_task(const AttentionProblem& problem, int64_t task) {
  const Division division(problem);
  const int64_t first = (division.blocks - 1 - task / problem.key_value_heads) * division.rows;
  const int64_t left = problem.tokens * division.group - first;
  return {task % problem.key_value_heads, division.group, first, smaller(division.rows, left)};
}

template <class Lanes>
void start_rows(const AttentionProblem& problem, const Rows& rows, const Scratch<Lanes>& scratch) {
  const int64_t head_length = problem.head_length;
  const auto scale = Lanes::all(static_cast<float>(static_cast<double>(problem.scale) * LOG2_E));
  for (int64_t row = 0; row < rows.count; ++row) {
    const auto* query = reinterpret_cast<const float*>(
        problem.queries + static_cast<size_t>(rows.token(row)) * problem.query_token_stride +
        static_cast<size_t>(rows.head(row)) * problem.query_head_stride);
    float* scaled = scratch.queries + row * head_length;
    float* output = scratch.outputs + row * head_length;
    for (int64_t at = 0; at < head_length; at += Lanes::COUNT) {
      Lanes::store(scaled + at, Lanes::multiply(Lanes::load(query + at), scale));
      Lanes::store(output + at, Lanes::all(0));
    }
    Lanes::store(scratch.sums + row * Lanes::COUNT, Lanes::all(0));
    scratch.maxima[row] = LOWEST;
  }
}

float* output_of(const AttentionProblem& problem, const Rows& rows, int64_t row) {
  return problem.output + (rows.token(row) * problem.heads + rows.head(row)) * problem.head_length;
}

template <class Lanes>
void finish_rows(const AttentionProblem& problem, const Rows& rows, const Scratch<Lanes>& scratch) {
  const int64_t head_length = problem.head_length;
  for (int64_t row = 0; row < rows.count; ++row) {
    const float* sums = scratch.outputs + row * head_length;
    float* output = output_of(problem, rows, row);
    // 0 / 0, if it attended to cells and all of its scores were -infinity: as softmax.
    const float total = scratch.counts[row] == 0 ? 1 : Lanes::total(Lanes::load(scratch.sums + row * Lanes::COUNT));
    const auto factor = Lanes::all(1 / total);
    for (int64_t at = 0; at < head_length; at += Lanes::COUNT)
      Lanes::store(output + at, Lanes::multiply_add(Lanes::load(sums + at), factor, Lanes::all(0)));
  }
}

}  // namespace

}  // namespace starling::prefill
