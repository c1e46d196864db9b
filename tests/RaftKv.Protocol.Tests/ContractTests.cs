namespace RaftKv.Protocol.Tests;

/// <summary>Compares the descriptors with contract.txt, in both directions. The golden file follows protos/ when it
/// is rewritten, mistakes included; these facts were taken from the published API and follow nothing.</summary>
public sealed class ContractTests
{
    private static readonly string[] Packages =
    [
        "authpb",
        "etcdserverpb",
        "grpc.health.v1",
        "grpc.reflection.v1",
        "grpc.reflection.v1alpha",
        "mvccpb",
        "v3electionpb",
        "v3lockpb",
    ];

    private static readonly string[] Contract =
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "contract.txt"))
            .Where(line => line.Length > 0 && !line.StartsWith('#')),
    ];

    [Fact]
    public void Nothing_that_the_contract_names_is_missing_or_different()
        => AssertNone("The contract asks for, and protos/ does not have", Contract.Except(Described()));

    [Fact]
    public void Nothing_is_offered_that_the_contract_does_not_name()
        => AssertNone("protos/ has, and the contract does not know", Described().Except(Contract));

    [Fact]
    public void The_contract_says_each_thing_once()
        => AssertNone("Said twice", Contract.GroupBy(line => line).Where(lines => lines.Count() > 1).Select(lines => lines.Key));

    // 274 facts about fields of etcd and health, 37 enum values, 51 methods, and reflection twice: 21 fields and one
    // method. Counted on the page; without it, a contract cut short would agree with anything.
    [Fact]
    public void The_contract_is_whole()
    {
        Assert.Equal(274 + (2 * 21), Contract.Count(line => line.StartsWith("field |", StringComparison.Ordinal)));
        Assert.Equal(37, Contract.Count(line => line.StartsWith("value |", StringComparison.Ordinal)));
        Assert.Equal(51 + 2, Contract.Count(line => line.StartsWith("method |", StringComparison.Ordinal)));
    }

    private static IEnumerable<string> Described()
    {
        var files = WireFacts.Files.Where(file => Packages.Contains(file.Package)).ToList();
        foreach (var method in files.SelectMany(file => file.Services).SelectMany(service => service.Methods))
        {
            var path = $"/{method.Service.FullName}/{method.Name}";
            yield return Row("method", path, WireFacts.ShapeOf(method), method.InputType.FullName, method.OutputType.FullName);
        }

        foreach (var value in files.SelectMany(WireFacts.EnumsOf).SelectMany(type => type.Values))
        {
            yield return Row("value", value.EnumDescriptor.FullName, value.Number, value.Name);
        }

        foreach (var message in files.SelectMany(WireFacts.MessagesOf))
        {
            if (message.Fields.InFieldNumberOrder().Count == 0)
            {
                yield return Row("field", message.FullName, "-", "-", "-", "-", "-");
            }

            foreach (var field in message.Fields.InFieldNumberOrder())
            {
                yield return Row(
                    "field",
                    message.FullName,
                    field.FieldNumber,
                    field.Name,
                    WireFacts.TypeOf(field),
                    WireFacts.LabelOf(field),
                    field.RealContainingOneof?.Name ?? "-");
            }
        }
    }

    private static string Row(params object[] cells) => string.Join(" | ", cells);

    private static void AssertNone(string heading, IEnumerable<string> rows)
    {
        var lines = rows.ToList();
        Assert.True(lines.Count == 0, $"{heading}:\n{string.Join('\n', lines)}");
    }
}
