// All that a model needs: <taper/taper.hpp>. The bridge to xtensor stands apart, in <taper/core/xtensor.hpp>,
// because its headers take seconds to compile.
#pragma once

#include <taper/core/create.hpp>
#include <taper/core/csv.hpp>
#include <taper/core/error.hpp>
#include <taper/core/gradcheck.hpp>
#include <taper/core/indices.hpp>
#include <taper/core/npy.hpp>
#include <taper/core/pool.hpp>
#include <taper/core/random.hpp>
#include <taper/core/record.hpp>
#include <taper/core/safetensors.hpp>
#include <taper/core/state.hpp>
#include <taper/core/tape.hpp>
#include <taper/core/tensor.hpp>
#include <taper/core/threads.hpp>
#include <taper/cuda/device.hpp>
#include <taper/nn/batches.hpp>
#include <taper/nn/checkpoint.hpp>
#include <taper/nn/dropout.hpp>
#include <taper/nn/embedding.hpp>
#include <taper/nn/init.hpp>
#include <taper/nn/linear.hpp>
#include <taper/nn/losses.hpp>
#include <taper/nn/mlp.hpp>
#include <taper/nn/module.hpp>
#include <taper/nn/multi_head_sparse_attention.hpp>
#include <taper/nn/norms.hpp>
#include <taper/nn/optim/adam.hpp>
#include <taper/nn/optim/clip_gradients.hpp>
#include <taper/nn/optim/sgd.hpp>
#include <taper/nn/positions.hpp>
#include <taper/nn/sequential.hpp>
#include <taper/nn/sparse_attention.hpp>
#include <taper/nn/transformer_block.hpp>
#include <taper/ops.hpp>
