// What is told of a pool at rest is told of this process's only one, so the tests do not work beside each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
