// The headers of xtensor that tests use, wherever its version keeps them.
#pragma once

#include <taper/core/xtensor.hpp>

#if __has_include(<xtensor/io/xio.hpp>)  // from 0.26 on
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/generators/xrandom.hpp>
#include <xtensor/io/xio.hpp>
#include <xtensor/views/xstrided_view.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xio.hpp>
#include <xtensor/xrandom.hpp>
#include <xtensor/xstrided_view.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif
