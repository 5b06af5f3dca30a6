int dependency_value() { return 1; }
