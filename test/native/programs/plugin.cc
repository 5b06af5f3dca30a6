// A library that is only ever dlopen()ed; it brings another one along.
int dependency_value();
thread_local int calls_of_thread = 0;
extern "C" int plugin_value() { return dependency_value() + ++calls_of_thread; }
