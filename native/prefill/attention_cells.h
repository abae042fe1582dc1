#pragma once

#include <cstdint>
#include <cstring>

#include "prefill/attention_rows.h"

/**
 * Which cells a task's rows attend to, in blocks by rank: the first BLOCK cells that a row attends to, then the next.
 * Where in the cache they are does not matter, so that what a row adds up, and in which order, is the same alone and in
 * a batch of several sequences. Part of attention_loops.h.
 */
namespace starling::prefill {

namespace {

/**
 * Tokens one after the other each of which attends to the cells of the one before it and to others behind them: as a
 * sequence does. So the rows of a run have the same cells in a block, up to where a row's end.
 */
struct Run {
  int64_t first_row;
  int64_t rows;
  /** Of the last token. */
  const uint8_t* mask;
  int64_t count;
  /** The next cells to take, and which of the BLOCK before them are not taken yet: a bit for each. */
  int64_t next_cell;
  uint64_t left;
};

/** A block of cells, in order. */
struct CellBlock {
  int32_t cells[BLOCK];
  int64_t count;

  bool begins_with(const CellBlock& other) const {
    return other.count <= count &&
           std::memcmp(cells, other.cells, static_cast<size_t>(other.count) * sizeof cells[0]) == 0;
  }
};

const uint8_t* mask_of(const AttentionProblem& problem, int64_t token) {
  return problem.mask + static_cast<size_t>(token) * problem.mask_token_stride;
}

/** Which of the BLOCK cells from `first` on a mask lets a token attend to: a bit for each. */
template <class Lanes>
uint64_t attended_cells(const uint8_t* mask, int64_t first, int64_t cells) {
  mask += 2 * first;
  if (first + BLOCK <= cells) return Lanes::attended(mask);
  uint64_t bits = 0;
  for (int64_t cell = 0; cell < cells - first; ++cell) {
    uint16_t half = 0;
    std::memcpy(&half, mask + 2 * cell, sizeof half);
    if (half != 0xFC00U) bits |= uint64_t{1} << cell;
  }
  return bits;
}

/** The bits up to the highest one that is set. */
uint64_t up_to_highest(uint64_t bits) { return bits == 0 ? 0 : ~uint64_t{0} >> __builtin_clzll(bits); }

/**
 * Reads the mask of a token; `scratch.cell_bits` has the cells of the token before it, and gets its.
 *
 * @param count of the token before it: how many cells it attends to; gets that of this one
 * @returns whether its first cells are those of the token before it
 */
template <class Lanes>
bool read_mask(const AttentionProblem& problem, const uint8_t* mask, const Scratch<Lanes>& scratch, int64_t& count) {
  int64_t left = count;
  bool continues = true;
  count = 0;
  for (int64_t cell = 0; cell < problem.cells; cell += BLOCK) {
    uint64_t& bits = scratch.cell_bits[cell / BLOCK];
    const uint64_t before = bits;
    bits = attended_cells<Lanes>(mask, cell, problem.cells);
    count += __builtin_popcountll(bits);
    if (left == 0) continue;
    left -= __builtin_popcountll(before);
    continues = continues && before == (left == 0 ? bits & up_to_highest(before) : bits);
  }
  return continues;
}

/** Divides a task's rows into runs, and counts the cells of each row. @returns how many runs there are */
template <class Lanes>
int64_t find_runs(const AttentionProblem& problem, const Rows& rows, const Scratch<Lanes>& scratch, Run* runs) {
  int64_t found = 0;
  int64_t count = 0;
  int64_t row = 0;
  for (int64_t token = rows.token(0); row < rows.count; ++token) {
    const uint8_t* mask = mask_of(problem, token);
    const bool continues = read_mask(problem, mask, scratch, count);
    if (found == 0 || !continues) runs[found++] = {row, 0, mask, 0, 0, 0};
    Run& run = runs[found - 1];
    const int64_t end = smaller(rows.count, (token + 1) * rows.group - rows.first);
    for (; row < end; ++row) scratch.counts[row] = count;
    run.rows = end - run.first_row;
    run.mask = mask;
    run.count = count;
  }
  return found;
}

/** Takes a run's next BLOCK cells; fewer, where it has no more. */
template <class Lanes>
void take_block(const AttentionProblem& problem, Run& run, CellBlock& block) {
  block.count = 0;
  while (block.count < BLOCK) {
    while (run.left == 0) {
      if (run.next_cell >= problem.cells) return;
      run.left = attended_cells<Lanes>(run.mask, run.next_cell, problem.cells);
      run.next_cell += BLOCK;
    }
    const auto first = static_cast<int32_t>(run.next_cell - BLOCK);
    for (; run.left != 0 && block.count < BLOCK; run.left &= run.left - 1)
      block.cells[block.count++] = first + __builtin_ctzll(run.left);
  }
}

/** Which cells of a run's block each of its rows attends to. @param before cells in the blocks before it */
template <class Lanes>
void mark_attended(const Run& run, int64_t before, const Scratch<Lanes>& scratch) {
  for (int64_t row = run.first_row; row < run.first_row + run.rows; ++row) {
    const int64_t count = scratch.counts[row] - before;
    scratch.attended[row] = count <= 0 ? 0 : ~uint64_t{0} >> (BLOCK - smaller(count, BLOCK));
  }
}

}  // namespace

}  // namespace starling::prefill
