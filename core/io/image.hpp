// Pictures: PNG files, and PPM and PGM, which are the plainest.
#pragma once

#include "../tensor.hpp"

#include <string>

namespace taper {

// Reads a picture as float32 (channels, height, width), from 0 (black) to 1. A PNG file of any kind has 1 channel
// (grey), 2 (grey and opacity), 3 (red, green, blue) or 4 (and opacity), 8 or 16 bits each; colours of a palette
// are looked up. A PPM file in its binary form (P6) has 3, a PGM file (P5) has 1. What a file is, its first
// bytes say, not its name.
//
// Throws, naming the file and the cause, if it can't be read, is of another format, is damaged or cut short, or
// would take more than 2^30 numbers.
Tensor load_image(const std::string& path);

// Writes a picture (channels, height, width) or, if it is grey, (height, width), with 8 bits a channel: x becomes
// round(255 x), and what is below 0 or above 1 is cut off. The name decides the format: .png takes 1 to 4
// channels, .ppm takes 3, .pgm takes 1. In whole or not at all (core/io/files.hpp). float32 or float64, from any
// device. Throws, naming the file and the cause, for any other name or shape, an empty picture, NaN, or if the
// file can't be written.
void save_image(const std::string& path, const Tensor& image);

}  // namespace taper
