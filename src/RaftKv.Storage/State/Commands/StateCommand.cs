using System.Buffers;
using System.Globalization;

namespace RaftKv.Storage.State.Commands;

/// <summary>From commands to payloads of the log and back: one byte that says the kind, then the command's own.</summary>
public static class StateCommand
{
    /// <summary>The kind of a payload; whoever reads it may not know the number.</summary>
    /// <exception cref="StateFormatException">The payload is empty.</exception>
    public static CommandKind KindOf(ReadOnlySpan<byte> payload)
        => payload.Length > 0
            ? (CommandKind)payload[0]
            : throw new StateFormatException("command", 0, "it ends too early.");

    public static void Encode<T>(in T command, IBufferWriter<byte> to)
        where T : IStateCommand<T>
    {
        var writer = new StateWriter(to);
        writer.Byte((byte)T.Kind);
        command.WriteBody(writer);
    }

    public static byte[] Encode<T>(in T command)
        where T : IStateCommand<T>
    {
        var bytes = new ArrayBufferWriter<byte>();
        Encode(command, bytes);
        return bytes.WrittenSpan.ToArray();
    }

    /// <exception cref="StateFormatException">The payload is not a whole command of this kind and nothing else.</exception>
    public static T Decode<T>(ReadOnlySpan<byte> payload)
        where T : IStateCommand<T>
    {
        var reader = new StateReader(payload, T.Kind.ToString() + " command");
        var kind = reader.Byte();
        if (kind != (byte)T.Kind)
        {
            reader.FailAt(0, string.Create(CultureInfo.InvariantCulture, $"its kind is {kind}, not {(byte)T.Kind}."));
        }

        var command = T.ReadBody(ref reader);
        reader.End();
        return command;
    }
}
