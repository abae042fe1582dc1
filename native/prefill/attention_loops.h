#pragma once

#include <cstdint>
#include <cstring>

#include "prefill/attention_cells.h"
#include "prefill/attention_rows.h"

/**
 * The loops of an attention kernel, over a type `Lanes` that has a processor's vectors and what can be done with them.
 * Included by files that are compiled for processors of their own: everything is theirs alone, hence the anonymous
 * namespace.
 *
 * A query row is a head of a token. A task is the rows that share a key/value head, up to MAX_ROWS of them, and walks
 * through the cells that they attend to in blocks: converts the block's keys and values once for all rows that have the
 * same ones, and then, tile by tile, computes scores, their weights, and the weighted sum of values (softmax with a
 * running maximum).
 *
 * Why a row's result depends on nothing but the row and what it attends to: a block is the next BLOCK cells that the
 * row attends to, wherever they are; every score and every sum over cells is one chain of additions in the order of
 * cells, which no tile divides; and what is skipped for other rows' sake, or is not, would have been exact: weights of
 * cells that are not attended to are 0, and the factor of a maximum that did not change is 1. Only the sign of a zero
 * can differ, until the output adds +0.
 */
namespace starling::prefill {

namespace {

/** Where a block's cells are, of keys or of values of a head. */
void find_cells(const CellBlock& block, const uint8_t* of_head, size_t stride, const uint8_t* zeros,
                const uint8_t** cells) {
  for (int64_t i = 0; i < BLOCK; ++i)
    cells[i] = i < block.count ? of_head + static_cast<size_t>(block.cells[i]) * stride : zeros;
}

template <class Lanes>
void convert_keys(const uint8_t* const* cells, bool half, int64_t head_length, float* keys) {
  for (int64_t cell = 0; cell < BLOCK; cell += Lanes::COUNT) {
    if (half) {
      Lanes::transpose_halves(cells + cell, head_length, keys + cell);
    } else {
      Lanes::transpose_floats(cells + cell, head_length, keys + cell);
    }
  }
}

template <class Lanes>
void convert_values(const uint8_t* const* cells, bool half, int64_t head_length, float* values) {
  for (int64_t cell = 0; cell < BLOCK; ++cell, values += head_length) {
    const uint8_t* from = cells[cell];
    if (!half) {
      std::memcpy(values, from, static_cast<size_t>(head_length) * sizeof(float));
      continue;
    }
    for (int64_t at = 0; at < head_length; at += Lanes::COUNT)
      Lanes::store(values + at, Lanes::of_halves(from + 2 * at));
  }
}

template <class Lanes>
void convert_block(const AttentionProblem& problem, int64_t head, const CellBlock& block,
                   const Scratch<Lanes>& scratch) {
  const auto head_index = static_cast<size_t>(head);
  const uint8_t* cells[BLOCK];
  find_cells(block, problem.keys + head_index * problem.key_head_stride, problem.key_cell_stride, scratch.zeros, cells);
  convert_keys<Lanes>(cells, problem.half, problem.head_length, scratch.keys);
  find_cells(block, problem.values + head_index * problem.value_head_stride, problem.value_cell_stride, scratch.zeros,
             cells);
  convert_values<Lanes>(cells, problem.half, problem.head_length, scratch.values);
}

/** Scores of a tile's rows with VECTORS vectors of cells. */
template <class Lanes, int ROWS, int VECTORS>
void score_tile(const float* queries, const float* keys, int64_t head_length, float* scores) {
  typename Lanes::Vector sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector) sums[row][vector] = Lanes::all(0);
  for (int64_t at = 0; at < head_length; ++at) {
    typename Lanes::Vector key[VECTORS];
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector)
      key[vector] = Lanes::load(keys + at * BLOCK + vector * Lanes::COUNT);
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; ++row) {
      const auto query = Lanes::all(queries[row * head_length + at]);
#pragma GCC unroll 8
      for (int vector = 0; vector < VECTORS; ++vector)
        sums[row][vector] = Lanes::multiply_add(query, key[vector], sums[row][vector]);
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector)
      Lanes::store(scores + row * BLOCK + vector * Lanes::COUNT, sums[row][vector]);
}

/** Scores with the vectors that have cells [first, last): VECTORS at a time, then fewer. */
template <class Lanes, int ROWS, int VECTORS>
void score_cells(const float* queries, const float* keys, int64_t head_length, int64_t first, int64_t last,
                 float* scores) {
  int64_t cell = first;
  for (; cell + (VECTORS - 1) * Lanes::COUNT < last; cell += VECTORS * Lanes::COUNT)
    score_tile<Lanes, ROWS, VECTORS>(queries, keys + cell, head_length, scores + cell);
  if constexpr (VECTORS > 1) score_cells<Lanes, ROWS, VECTORS - 1>(queries, keys, head_length, cell, last, scores);
}

/**
 * Turns a row's scores into weights, relative to the greatest score so far. Adds them lane by lane.
 * @param change by how much the greatest score became greater: not positive
 */
template <class Lanes>
typename Lanes::Vector weigh_row(uint64_t attended, float* scores, float& maximum, float& change) {
  constexpr int VECTORS = BLOCK / Lanes::COUNT;
  typename Lanes::Vector vectors[VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < VECTORS; ++i) {
    vectors[i] = Lanes::load(scores + i * Lanes::COUNT);
    if (attended != ~uint64_t{0}) vectors[i] = Lanes::only(attended >> (i * Lanes::COUNT), vectors[i]);
  }
  auto lanes_greatest = vectors[0];
#pragma GCC unroll 8
  for (int i = 1; i < VECTORS; ++i) lanes_greatest = Lanes::greater(vectors[i], lanes_greatest);
  const float found = Lanes::greatest(lanes_greatest);
  const float before = maximum;
  if (found > maximum) maximum = found;
  change = before - maximum;

  const auto subtracted = Lanes::all(maximum);
  auto sum = Lanes::all(0);
#pragma GCC unroll 8
  for (int i = 0; i < VECTORS; ++i) {
    const auto weights = Lanes::power_of_two(Lanes::subtract(vectors[i], subtracted));
    sum = Lanes::add(sum, weights);
    Lanes::store(scores + i * Lanes::COUNT, weights);
  }
  return sum;
}

/** Adds the values of cells [first, last), times their weights, to VECTORS vectors of the outputs of a tile's rows. */
template <class Lanes, int ROWS, int VECTORS>
void add_values(const float* weights, const float* values, const float* corrections, int64_t head_length, int64_t first,
                int64_t last, float* outputs) {
  typename Lanes::Vector sums[ROWS][VECTORS];
#pragma GCC unroll 8
  for (int row = 0; row < ROWS; ++row)
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector) sums[row][vector] = Lanes::all(0);
  for (int64_t cell = first; cell < last; ++cell) {
    typename Lanes::Vector value[VECTORS];
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector)
      value[vector] = Lanes::load(values + cell * head_length + vector * Lanes::COUNT);
#pragma GCC unroll 8
    for (int row = 0; row < ROWS; ++row) {
      const auto weight = Lanes::all(weights[row * BLOCK + cell]);
#pragma GCC unroll 8
      for (int vector = 0; vector < VECTORS; ++vector)
        sums[row][vector] = Lanes::multiply_add(weight, value[vector], sums[row][vector]);
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < ROWS; ++row) {
    const auto correction = Lanes::all(corrections[row]);
#pragma GCC unroll 8
    for (int vector = 0; vector < VECTORS; ++vector) {
      float* output = outputs + row * head_length + vector * Lanes::COUNT;
      Lanes::store(output, Lanes::multiply_add(Lanes::load(output), correction, sums[row][vector]));
    }
  }
}

/**
 * Turns the scores of a tile's rows into weights and updates their sums.
 * @param corrections what earlier outputs are to be multiplied with
 */
template <class Lanes, int ROWS>
void weigh_tile(const Scratch<Lanes>& scratch, int64_t row, float* corrections) {
  typename Lanes::Vector block_sums[ROWS];
  for (int i = 0; i < ROWS; ++i) {
    block_sums[i] = weigh_row<Lanes>(scratch.attended[row + i], scratch.scores + (row + i) * BLOCK,
                                     scratch.maxima[row + i], corrections[i]);
  }
  Lanes::store(corrections, Lanes::power_of_two(Lanes::load(corrections)));
  for (int i = 0; i < ROWS; ++i) {
    float* sum = scratch.sums + (row + i) * Lanes::COUNT;
    Lanes::store(sum, Lanes::multiply_add(Lanes::load(sum), Lanes::all(corrections[i]), block_sums[i]));
  }
}

/** A tile's part in a block, from scores to outputs. */
template <class Lanes, int ROWS>
void attend_tile(const Scratch<Lanes>& scratch, int64_t head_length, int64_t row) {
  uint64_t any = 0;
  for (int i = 0; i < ROWS; ++i) any |= scratch.attended[row + i];
  if (any == 0) return;
  const int64_t first = __builtin_ctzll(any);
  const int64_t last = BLOCK - __builtin_clzll(any);
  float* scores = scratch.scores + row * BLOCK;
  float* outputs = scratch.outputs + row * head_length;

  score_cells<Lanes, ROWS, Lanes::SCORE_VECTORS>(scratch.queries + row * head_length, scratch.keys, head_length,
                                                 first / Lanes::COUNT * Lanes::COUNT, last, scores);
  alignas(64) float corrections[Lanes::COUNT] = {};
  weigh_tile<Lanes, ROWS>(scratch, row, corrections);

  constexpr int64_t WIDE = Lanes::VALUE_VECTORS * Lanes::COUNT;
  int64_t at = 0;
  for (; at + WIDE <= head_length; at += WIDE) {
    add_values<Lanes, ROWS, Lanes::VALUE_VECTORS>(scores, scratch.values + at, corrections, head_length, first, last,
                                                  outputs + at);
  }
  if (at < head_length) {
    add_values<Lanes, ROWS, 32 / Lanes::COUNT>(scores, scratch.values + at, corrections, head_length, first, last,
                                               outputs + at);
  }
}

template <class Lanes>
void attend_block(const Scratch<Lanes>& scratch, int64_t head_length, const Run& run) {
  const int64_t end = run.first_row + run.rows;
  int64_t row = run.first_row;
  for (; row + TILE_ROWS <= end; row += TILE_ROWS) attend_tile<Lanes, TILE_ROWS>(scratch, head_length, row);
  switch (end - row) {
    case 1:
      return attend_tile<Lanes, 1>(scratch, head_length, row);
    case 2:
      return attend_tile<Lanes, 2>(scratch, head_length, row);
    case 3:
      return attend_tile<Lanes, 3>(scratch, head_length, row);
    case 4:
      return attend_tile<Lanes, 4>(scratch, head_length, row);
    case 5:
      return attend_tile<Lanes, 5>(scratch, head_length, row);
    default:
      return;
  }
}

template <class Lanes>
void compute_rows(const AttentionProblem& problem, const Rows& rows, const Scratch<Lanes>& scratch) {
  start_rows(problem, rows, scratch);
  Run runs[MAX_ROWS];
  const int64_t count = find_runs(problem, rows, scratch, runs);
  int64_t most = 0;
  for (int64_t i = 0; i < count; ++i) most = runs[i].count > most ? runs[i].count : most;
  for (int64_t before = 0; before < most; before += BLOCK) {
    // Runs with a common prefix share its blocks.
    CellBlock converted{{}, 0};
    for (int64_t i = 0; i < count; ++i) {
      if (runs[i].count <= before) continue;
      CellBlock block;
      take_block<Lanes>(problem, runs[i], block);
      if (!converted.begins_with(block)) {
        convert_block(problem, rows.key_value_head, block, scratch);
        converted = block;
      }
      mark_attended(runs[i], before, scratch);
      attend_block(scratch, problem.head_length, runs[i]);
    }
  }
  finish_rows(problem, rows, scratch);
}

template <class Lanes>
bool is_finite(const float* values, int64_t count) {
  auto zeros = Lanes::all(0);
  for (int64_t i = 0; i < count; i += Lanes::COUNT)
    zeros = Lanes::multiply_add(Lanes::load(values + i), Lanes::all(0), zeros);
  return Lanes::total(zeros) == 0;
}

template <class Lanes>
void compute_attention(const AttentionProblem& problem, uint8_t* memory, int64_t first_task, int64_t last_task) {
  const Scratch<Lanes> scratch(memory, problem);
  std::memset(scratch.zeros, 0, static_cast<size_t>(problem.head_length) * sizeof(float));
  for (int64_t task = first_task; task < last_task; ++task) {
    const Rows rows = rows_of_task(problem, task);
    compute_rows(problem, rows, scratch);
    // 0 times an infinity is NaN: if there are infinite values, rows that do not attend to them are computed again, by
    // themselves, without other rows' cells.
    for (int64_t row = 0; row < rows.count; ++row) {
      if (is_finite<Lanes>(output_of(problem, rows, row), problem.head_length)) continue;
      compute_rows(problem, {rows.key_value_head, rows.group, rows.first + row, 1}, scratch);
    }
  }
}

/** A kernel of the name. */
template <class Lanes>
constexpr AttentionKernel attention_kernel(const char* name) {
  return {name, takes_attention, attention_tasks,
          [](const AttentionProblem& problem) { return Scratch<Lanes>::bytes(problem); }, compute_attention<Lanes>};
}

}  // namespace

}  // namespace starling::prefill
