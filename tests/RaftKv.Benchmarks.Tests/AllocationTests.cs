using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using BenchmarkDotNet.Attributes;

namespace RaftKv.Benchmarks.Tests;

/// <summary>Whether the hot paths allocate no more than is written beside their benchmarks.</summary>
public sealed class AllocationTests
{
    // By then code is compiled, and buffers have the size they need.
    private const int WarmUps = 500;
    private const int Calls = 500;

    private static bool IsOptimized
        => typeof(AllocatesAttribute).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    public static TheoryData<string, string, string> Benchmarks()
    {
        var data = new TheoryData<string, string, string>();
        foreach (var (type, method) in Measured())
        {
            foreach (var setting in Settings(type))
            {
                data.Add(type.Name, method.Name, setting);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Benchmarks))]
    public void A_hot_path_allocates_no_more_than_it_says(string type, string method, string setting)
    {
        // A Debug build keeps objects on the heap that a Release build never makes.
        Assert.SkipUnless(IsOptimized, "The figures are of a Release build: 'dotnet test -c Release' measures them.");
        var (owner, path) = Measured().Single(one => one.Type.Name == type && one.Method.Name == method);
        var benchmark = Activator.CreateInstance(owner)!;
        foreach (var part in setting.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, value) = (part[..part.IndexOf('=', StringComparison.Ordinal)], part[(part.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            var property = owner.GetProperty(name)!;
            property.SetValue(benchmark, Convert.ChangeType(value, property.PropertyType, CultureInfo.InvariantCulture));
        }

        Call<GlobalSetupAttribute>(benchmark);
        try
        {
            var allocated = Measure(benchmark, path);

            TestContext.Current.TestOutputHelper?.WriteLine($"{allocated:F1} B a call");
            Assert.InRange(allocated, 0, path.GetCustomAttribute<AllocatesAttribute>()!.Bytes);
        }
        finally
        {
            Call<GlobalCleanupAttribute>(benchmark);
        }
    }

    [Fact]
    public void Every_hot_path_has_a_benchmark_that_says_what_it_allocates()
    {
        string[] rooms = ["Metrics", "Raft", "Peers", "State", "Wal", "Watch"];

        Assert.Equal(rooms.Order(), Measured().Select(one => one.Type.Namespace!.Split('.')[^1]).Distinct().Order());
    }

    private static double Measure(object benchmark, MethodInfo method)
    {
        // A delegate, because calls by reflection allocate.
        var call = method.ReturnType == typeof(void) ? method.CreateDelegate<Action>(benchmark) : (Action)typeof(AllocationTests)
            .GetMethod(nameof(Discarded), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(method.ReturnType)
            .Invoke(null, [benchmark, method])!;
        for (var i = 0; i < WarmUps; i++)
        {
            call();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Calls; i++)
        {
            call();
        }

        return (double)(GC.GetAllocatedBytesForCurrentThread() - before) / Calls;
    }

    private static Action Discarded<T>(object benchmark, MethodInfo method)
    {
        var function = method.CreateDelegate<Func<T>>(benchmark);
        return () => function();
    }

    private static IEnumerable<(Type Type, MethodInfo Method)> Measured()
        => from type in typeof(AllocatesAttribute).Assembly.GetTypes()
           from method in type.GetMethods()
           where method.GetCustomAttribute<AllocatesAttribute>() is not null
           select (type, method);

    // All combinations of the parameters.
    private static IEnumerable<string> Settings(Type type)
        => type.GetProperties()
            .Where(property => property.GetCustomAttribute<ParamsAttribute>() is not null)
            .Aggregate(
                (IEnumerable<string>)[""],
                (settings, property) => from setting in settings
                                        from value in property.GetCustomAttribute<ParamsAttribute>()!.Values
                                        select $"{setting} {property.Name}={value}".Trim());

    private static void Call<TAttribute>(object benchmark)
        where TAttribute : Attribute
    {
        foreach (var method in benchmark.GetType().GetMethods().Where(method => method.GetCustomAttribute<TAttribute>() is not null))
        {
            method.Invoke(benchmark, null);
        }
    }
}
