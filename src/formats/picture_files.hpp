#pragma once

#include <string>
#include <vector>

namespace gradus {

/// The paths of the pictures in a folder and in all folders below it, `folder` in front, in the order of their letters.
/// A picture is a file that begins as one, or whose name ends as those of pictures do (also of formats that are not
/// read: it is for the reader to say so). What is hidden is passed over, and links to folders are not followed. Throws
/// `io` for a folder that cannot be read.
std::vector<std::string> picture_files(const std::string& folder);

/// Whether the name ends as those of pictures do, whatever the format.
bool is_picture_name(const std::string& name);
/// Whether there is such a file and it begins as an image that is read does.
bool begins_as_image(const std::string& path);

/// What to say of pictures that are left out, a line each: how many there are, the first few with their faults, and how
/// many more. Nothing for none. A fault is a sentence that begins with the file.
std::vector<std::string> left_out_remarks(const std::vector<std::string>& faults);

}  // namespace gradus
