/**
 * The one function of BLAS that llama.cpp's BLAS backend calls, as slow and as right as can be. It stands for
 * Accelerate, whose backend is in the runtime packages for macOS.
 */
#pragma once

enum CBLAS_ORDER { CblasRowMajor = 101 };
enum CBLAS_TRANSPOSE { CblasNoTrans = 111, CblasTrans = 112 };

inline void cblas_sgemm(CBLAS_ORDER, CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, int rows, int columns,
                        int inner, float alpha, const float* a, int row_of_a, const float* b, int row_of_b, float beta,
                        float* c, int row_of_c) {
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      double sum = 0;
      for (int k = 0; k < inner; ++k) {
        const float left = transpose_a == CblasTrans ? a[k * row_of_a + row] : a[row * row_of_a + k];
        const float right = transpose_b == CblasTrans ? b[column * row_of_b + k] : b[k * row_of_b + column];
        sum += static_cast<double>(left) * static_cast<double>(right);
      }
      float& value = c[row * row_of_c + column];
      value = alpha * static_cast<float>(sum) + (beta == 0 ? 0 : beta * value);
    }
}
