# add_wasm_module(NAME SOURCE…): NAME.js in the current binary folder, one file that holds the module and the JavaScript
# that starts it. pack.js says what it defines.
function(add_wasm_module name)
  add_executable(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES OUTPUT_NAME ${name}_glue)
  target_link_options(${name} PRIVATE
    --no-entry
    -sMODULARIZE=1 -sEXPORT_NAME=createModule -sEXPORTED_RUNTIME_METHODS=ccall -sINCOMING_MODULE_JS_API=wasmBinary,print,printErr
    -sENVIRONMENT=web,node -sNODEJS_CATCH_EXIT=0 -sNODEJS_CATCH_REJECTION=0
    -sFILESYSTEM=0        # a page has no files
    -sDYNAMIC_EXECUTION=0 # nor eval
    -sALLOW_MEMORY_GROWTH=1)
  # A node that isn't Debian's does not look for modules in Debian's folder, and em++ wants node-acorn.
  set_property(TARGET ${name} PROPERTY RULE_LAUNCH_LINK "${CMAKE_COMMAND} -E env NODE_PATH=/usr/share/nodejs")
  set(pack ${PROJECT_SOURCE_DIR}/cmake/wasm/pack.js)
  set_property(TARGET ${name} PROPERTY LINK_DEPENDS ${pack})
  add_custom_command(TARGET ${name} POST_BUILD COMMAND ${NODE_JS_EXECUTABLE} ${pack} ${name}_glue.js ${name}_glue.wasm ${name}.js
                     WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR} VERBATIM)
endfunction()
