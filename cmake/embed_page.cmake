# cmake -DFOLDER=<folder> -DNAME=<name> -DHEADER=<header> -DOUTPUT=<file> -P embed_page.cmake: writes a C++ file with the
# sources of a page, in the folder: <name>_frame from *.html, <name>_css and <name>_js from *.css and *.js in the order of
# their names. The header declares them.

# A C++ string literal. No source holds its delimiter.
function(append_literal file)
  file(READ ${file} text)
  string(APPEND code "R\"taper(${text})taper\"")
  set(code "${code}" PARENT_SCOPE)
endfunction()

set(code "// Made by cmake/embed_page.cmake.\n#include \"${HEADER}\"\n\nnamespace taper::internal {\n")
file(GLOB frame ${FOLDER}/*.html)
string(APPEND code "\nconst std::string_view ${NAME}_frame = ")
append_literal(${frame})
string(APPEND code ";\n")
foreach(kind IN ITEMS css js)
  file(GLOB files ${FOLDER}/*.${kind})
  list(SORT files)
  string(APPEND code "\nstatic constexpr std::string_view ${kind}_files[] = {")
  foreach(file IN LISTS files)
    append_literal(${file})
    string(APPEND code ",\n")
  endforeach()
  string(APPEND code "};\nconst std::span<const std::string_view> ${NAME}_${kind} = ${kind}_files;\n")
endforeach()
file(WRITE ${OUTPUT} "${code}\n}  // namespace taper::internal\n")
