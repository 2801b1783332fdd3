"""What `import voltadesk` offers: doors to what the commands use, for programs that have arrays."""
