"""The four servers, each described as a program to run."""
